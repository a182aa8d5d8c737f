"""Word layouts made with python-docx, saved with fixed dates so that a second run gives the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from docx import Document
from docx.document import Document as Docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt
from docx.table import _Cell

from layouts.person import Person, Section

SAVED_AT = datetime(2026, 11, 2, 9, 0)  # noqa: DTZ001 - the file format has no time zone


def plain(person: Person, path: Path, *, east_asian_font: str | None = None) -> None:
    """Write headings, paragraphs and bullet lists."""
    doc = _document(person)
    if east_asian_font:
        fonts = doc.styles["Normal"].element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), east_asian_font)
    doc.add_heading(person.name, 0)
    _write_paragraphs(doc, (person.headline, *person.contact, person.summary))
    _write_sections(doc, person.sections)
    _save(doc, path)


def tables(person: Person, path: Path) -> None:
    """Write each section as a table: period on the left, what was done on the right."""
    doc = _document(person)
    doc.add_heading(person.name, 0)
    _write_paragraphs(doc, (person.headline, *person.contact, person.summary))
    for section in person.sections:
        doc.add_heading(section.title, 1)
        table = doc.add_table(rows=0, cols=2)
        for entry in section.entries:
            left, right = table.add_row().cells
            left.text = entry.period
            right.text = "\n".join((entry.heading, *entry.points))
        for line in section.lines:
            row = table.add_row().cells
            row[0].merge(row[1]).text = line
    _save(doc, path)


def table_as_columns(person: Person, path: Path) -> None:
    """Write a page-wide table of two cells, the experience in the second one as a nested table."""
    doc = _document(person)
    left, right = doc.add_table(rows=1, cols=2).rows[0].cells
    _write_paragraphs(left, (person.name, person.headline, *person.contact, person.summary))
    with_entries = [section for section in person.sections if section.entries]
    _write_cell_sections(left, [section for section in person.sections if not section.entries])
    for section in with_entries:
        right.add_paragraph(section.title)
        nested = right.add_table(rows=0, cols=1)
        for entry in section.entries:
            _write_paragraphs(nested.add_row().cells[0], (entry.heading, entry.period, *entry.points))
    _save(doc, path)


def header_and_content_control(person: Person, path: Path) -> None:
    """Write name and contact into the page header, and the headline into a content control.

    Word's own CV templates do both, and many readers of DOCX lose the text of either.
    """
    doc = _document(person)
    header = doc.sections[0].header
    header.paragraphs[0].text = person.name
    for line in person.contact:
        header.add_paragraph(line)
    doc.sections[0].footer.paragraphs[0].text = f"{person.name}, CV"
    control = f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t/></w:r></w:p></w:sdtContent></w:sdt>"
    element = parse_xml(control)
    next(element.iter(qn("w:t"))).text = person.headline
    doc.element.body.insert(0, element)
    doc.add_paragraph(person.summary)
    _write_sections(doc, person.sections)
    _save(doc, path)


def hidden_runs(person: Person, path: Path, *, hidden: str) -> None:
    """Write a plain CV with `hidden` in it twice: as hidden text, and white at one point."""
    doc = _document(person)
    doc.add_heading(person.name, 0)
    _write_paragraphs(doc, (person.headline, *person.contact, person.summary))
    doc.add_paragraph().add_run(hidden).font.hidden = True
    tiny = doc.add_paragraph().add_run(hidden)
    tiny.font.size = Pt(1)
    tiny.element.get_or_add_rPr().append(parse_xml(f'<w:color {nsdecls("w")} w:val="FFFFFF"/>'))
    _write_sections(doc, person.sections)
    _save(doc, path)


def _document(person: Person) -> Docx:
    doc = Document()
    properties = doc.core_properties
    properties.author = properties.last_modified_by = properties.title = person.name
    properties.created = properties.modified = SAVED_AT
    return doc


def _write_paragraphs(target: Docx | _Cell, lines: Sequence[str]) -> None:
    for line in filter(None, lines):
        target.add_paragraph(line)


def _write_sections(doc: Docx, sections: Sequence[Section]) -> None:
    for section in sections:
        doc.add_heading(section.title, 1)
        _write_paragraphs(doc, section.lines)
        for entry in section.entries:
            doc.add_heading(entry.heading, 2)
            doc.add_paragraph(entry.period)
            for point in entry.points:
                doc.add_paragraph(point, style="List Bullet")


def _write_cell_sections(cell: _Cell, sections: Sequence[Section]) -> None:
    for section in sections:
        _write_paragraphs(cell, (section.title, *section.lines))


def _save(doc: Docx, path: Path) -> None:
    buffer = io.BytesIO()
    doc.save(buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, SAVED_AT.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
