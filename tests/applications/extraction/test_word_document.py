"""Word documents in document order, with what templates wrap text in."""

import io

import pytest
from docx import Document
from docx.document import Document as Docx

from applications.extraction import ExtractedText, Limits, NoText
from applications.extraction.word import read_docx
from tests.applications.extraction.words import docx, paragraph

BOX = "<w:txbxContent>{}</w:txbxContent>"


def read(body: str, **options: str) -> ExtractedText:
    return read_docx(docx(body, **options), Limits())


def read_document(document: Docx) -> list[str]:
    buffer = io.BytesIO()
    document.save(buffer)
    return read_docx(buffer.getvalue(), Limits()).full_text.split("\n")


def test_paragraphs_and_tables_keep_their_order() -> None:
    document = Document()
    document.add_paragraph("before")
    table = document.add_table(rows=2, cols=2)
    for index, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"cell {index}"
    table.rows[1].cells[1].add_paragraph("its second line")
    document.add_paragraph("after")
    assert read_document(document) == ["before", "cell 0 | cell 1", "cell 2", "cell 3", "its second line", "after"]


def test_merged_cells_are_read_once() -> None:
    document = Document()
    row = document.add_table(rows=1, cols=3).rows[0].cells
    row[0].merge(row[2]).text = "merged"
    assert read_document(document) == ["merged"]


def test_header_comes_first_and_footer_last_and_repeated_ones_once() -> None:
    document = Document()
    document.add_paragraph("body")
    document.sections[0].header.paragraphs[0].text = "Jane Doe"
    document.sections[0].footer.paragraphs[0].text = "page foot"
    second = document.add_section()
    second.header.is_linked_to_previous = False
    second.header.paragraphs[0].text = "Jane Doe"
    assert list(filter(None, read_document(document))) == ["Jane Doe", "body", "page foot"]


def test_header_of_the_first_page_is_read_only_where_it_is_shown() -> None:
    document = Document()
    document.add_paragraph("body")
    document.sections[0].first_page_header.paragraphs[0].text = "first"
    assert "first" not in read_document(document)
    document.sections[0].different_first_page_header_footer = True
    assert read_document(document)[0] == "first"


@pytest.mark.parametrize(
    "wrapped",
    [
        "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>",
        "<w:ins>{}</w:ins>",
        "<w:tbl><w:sdt><w:sdtContent><w:tr><w:sdt><w:sdtContent><w:tc>{}</w:tc></w:sdtContent></w:sdt></w:tr>"
        "</w:sdtContent></w:sdt></w:tbl>",
        "<w:p><w:r><mc:AlternateContent><mc:Choice Requires='wps'><wps:wsp><wps:txbx>"
        + BOX
        + "</wps:txbx></wps:wsp></mc:Choice><mc:Fallback><v:shape><v:textbox>"
        + BOX.format(paragraph("the same again"))
        + "</v:textbox></v:shape></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    ],
)
def test_text_in_controls_insertions_and_text_boxes_is_read_once(wrapped: str) -> None:
    assert read(wrapped.format(paragraph("wrapped text"))).full_text == "wrapped text"


def test_hyperlinks_tabs_and_breaks_are_read() -> None:
    runs = "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/></w:r>"
    assert read(f"<w:p><w:hyperlink>{runs}</w:hyperlink></w:p>").full_text == "a b\nc-"


def test_deleted_text_and_field_codes_are_not_read() -> None:
    deleted = (
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>"
    )
    code = "<w:r><w:instrText>HYPERLINK</w:instrText></w:r>"
    text = read(f"<w:p>{deleted}{code}<w:r><w:t>stays</w:t></w:r></w:p>")
    assert (text.full_text, text.hidden_text_removed) == ("stays", False)


def test_external_entity_is_not_fetched() -> None:
    prolog = '<!DOCTYPE d [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    assert read(paragraph("before &secret;"), prolog=prolog).full_text == "before"


def test_text_is_cut_at_the_limit() -> None:
    text = read_docx(docx(paragraph("word " * 20)), Limits(max_characters=9))
    assert (text.pages, text.truncated) == (("word word",), True)


def test_document_without_text_is_refused() -> None:
    with pytest.raises(NoText, match="holds no text"):
        read(paragraph(""))
