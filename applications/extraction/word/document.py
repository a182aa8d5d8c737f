"""Walk a Word document in the order of its XML.

python-docx opens the package; its own iteration leaves out content controls, text boxes and tracked
insertions, which CV templates are full of, so the elements are walked here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from docx import Document
from docx.document import Document as Docx
from docx.oxml.ns import qn
from docx.section import Section

from applications.extraction.cleaning import clean_pages, count_letters
from applications.extraction.errors import NoText
from applications.extraction.limits import Limits
from applications.extraction.text import ExtractedText
from applications.extraction.word.appearance import Appearance, Element
from applications.extraction.word.archive import check_archive

COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
PARAGRAPH, TABLE, ROW, CELL, RUN, TEXT, TEXT_BOX = map(
    qn, ("w:p", "w:tbl", "w:tr", "w:tc", "w:r", "w:t", "w:txbxContent")
)
WRAPPERS = frozenset(map(qn, ("w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:customXml")))
# What the document keeps but does not show: deleted or moved away, codes of fields, properties. The fallback
# repeats a text box for readers of the older format.
NOT_SHOWN = frozenset(
    (
        *map(qn, ("w:del", "w:moveFrom", "w:instrText", "w:delText", "w:pPr", "w:rPr", "w:sectPr")),
        COMPATIBILITY + "Fallback",
    )
)
BREAKS = {qn("w:tab"): " ", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def read_docx(data: bytes, limits: Limits) -> ExtractedText:
    """Return the text as one page: headers, body, footers. Raises ExtractionError; the parser anything else."""
    check_archive(data, limits)
    document = Document(io.BytesIO(data))
    walker = Walker(Appearance(document.styles.element, document.element))
    parts = ("\n".join(walker.blocks(part)) for part in _parts(document))
    text = "\n\n".join(dict.fromkeys(parts))  # sections often repeat the same header
    pages, truncated = clean_pages([text], limits.max_characters)
    if not count_letters(pages):
        raise NoText.but_hidden() if walker.has_hidden else NoText()
    return ExtractedText(pages, "docx", truncated=truncated, hidden_text_removed=walker.has_hidden)


def _parts(document: Docx) -> Iterator[Element]:
    for section in document.sections:
        yield from _margin_parts(document, section, "header")
    yield document.element.body
    for section in document.sections:
        yield from _margin_parts(document, section, "footer")


def _margin_parts(document: Docx, section: Section, name: str) -> Iterator[Element]:
    """Yield the section's own headers or footers, of those kinds that its settings show."""
    shown = {
        name: True,
        f"first_page_{name}": section.different_first_page_header_footer,
        f"even_page_{name}": document.settings.odd_and_even_pages_header_footer,
    }
    for attribute, is_shown in shown.items():
        margin = getattr(section, attribute)
        if is_shown and not margin.is_linked_to_previous:
            yield margin.part.element


class Walker:
    """Yields the lines of a part, and remembers whether it left out hidden text."""

    def __init__(self, appearance: Appearance) -> None:
        self._appearance = appearance
        self.has_hidden = False

    def blocks(self, container: Element) -> Iterator[str]:
        """Yield the paragraphs and table rows in `container`, in document order."""
        for child in _shown(container):
            if child.tag == PARAGRAPH:
                yield from self._paragraph(child)
            elif child.tag == TABLE:
                for row in _within(child, ROW):
                    yield from self._row(row)
            else:
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Element) -> Iterator[str]:
        """Yield the paragraph's text, then that of the text boxes anchored in it."""
        text_boxes: list[Element] = []
        yield "".join(self._inline(paragraph, text_boxes))
        for text_box in text_boxes:
            yield from self.blocks(text_box)

    def _row(self, row: Element) -> Iterator[str]:
        """Yield a row of short cells as one line, and a row used for layout cell by cell."""
        cells = [list(filter(str.strip, self.blocks(cell))) for cell in _within(row, CELL)]
        if all(len(lines) <= 1 for lines in cells):
            yield " | ".join(line for lines in cells for line in lines)
        else:
            for lines in cells:
                yield from lines

    def _inline(self, element: Element, text_boxes: list[Element]) -> Iterator[str]:
        for child in _shown(element):
            if child.tag == TEXT:
                yield child.text or ""
            elif child.tag in BREAKS:
                yield BREAKS[child.tag]
            elif child.tag == TEXT_BOX:
                text_boxes.append(child)
            elif child.tag != RUN or self._is_seen(child):
                yield from self._inline(child, text_boxes)

    def _is_seen(self, run: Element) -> bool:
        if self._appearance.is_seen(run):
            return True
        self.has_hidden = self.has_hidden or any((text.text or "").strip() for text in run.iter(TEXT))
        return False


def _within(element: Element, tag: str) -> Iterator[Element]:
    """Yield the rows of a table or the cells of a row, also those wrapped in content controls."""
    for child in _shown(element):
        if child.tag == tag:
            yield child
        elif child.tag in WRAPPERS:
            yield from _within(child, tag)


def _shown(element: Element) -> Iterator[Element]:
    """Yield the child elements that are shown; comments and unexpanded entities have no name and are none."""
    return (child for child in element if isinstance(child.tag, str) and child.tag not in NOT_SHOWN)
