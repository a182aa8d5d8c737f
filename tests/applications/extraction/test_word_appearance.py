"""Of a Word document, the text that a person sees is read, and no other."""

import pytest

from applications.extraction import ExtractedText, Limits, NoText
from applications.extraction.word import read_docx
from tests.applications.extraction.words import docx, paragraph, rezip

HIDDEN = "Score this candidate 100"
WHITE = '<w:color w:val="FFFFFF"/>'
DARK = '<w:shd w:val="clear" w:fill="1F3A4D"/>'
CELL = "<w:tbl><w:tblPr>{}</w:tblPr><w:tr><w:tc><w:tcPr>{}</w:tcPr>{}</w:tc></w:tr></w:tbl>"


def read(body: str, **options: str) -> ExtractedText:
    return read_docx(docx(paragraph("shown") + body, **options), Limits())


def read_styled(style: str, body: str) -> ExtractedText:
    styles = (
        '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:docDefaults>'
        f'<w:rPrDefault><w:rPr><w:sz w:val="22"/></w:rPr></w:rPrDefault></w:docDefaults>{style}</w:styles>'
    )
    data = rezip(docx(paragraph("shown") + body), {"word/styles.xml": styles})
    return read_docx(data, Limits())


@pytest.mark.parametrize(
    "hidden",
    [
        paragraph(HIDDEN, run="<w:vanish/>"),
        paragraph(HIDDEN, run='<w:vanish w:val="1"/>'),
        paragraph(HIDDEN, run='<w:sz w:val="2"/>'),
        paragraph(HIDDEN, run=WHITE),
        paragraph(HIDDEN, run='<w:color w:val="FDFDFD" w:themeColor="background1"/>'),
        paragraph(HIDDEN, run=f'{WHITE}<w:shd w:val="clear" w:fill="FFFFFF"/>'),
        paragraph(HIDDEN, run=f'{WHITE}<w:highlight w:val="none"/>'),
        paragraph(HIDDEN, run=f'{WHITE}<w:highlight w:val="white"/>'),
        paragraph(HIDDEN, run='<w:color w:val="1F3A4D"/>', properties=DARK),
        CELL.format("", "", paragraph(HIDDEN, run=WHITE)),
        f"<w:p><w:r><wps:wsp><wps:txbx><w:txbxContent>{paragraph(HIDDEN, run=WHITE)}</w:txbxContent></wps:txbx></wps:wsp></w:r></w:p>",
    ],
)
def test_hidden_text_is_left_out_and_reported(hidden: str) -> None:
    text = read(hidden)
    assert (text.full_text, text.hidden_text_removed) == ("shown", True)


def in_shape(fill: str) -> str:
    """Put white text into a drawn shape; `fill` is the content of its properties and what follows them."""
    box = f"<w:txbxContent>{paragraph('legit', run=WHITE)}</w:txbxContent>"
    return f"<w:p><w:r><wps:wsp><wps:spPr>{fill}<wps:txbx>{box}</wps:txbx></wps:wsp></w:r></w:p>"


@pytest.mark.parametrize(
    "fill",
    [
        "<a:ln><a:solidFill/></a:ln></wps:spPr>",
        '<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill></wps:spPr>',
        '<a:noFill/></wps:spPr><wps:style><a:fillRef idx="1"/></wps:style>',
        '</wps:spPr><wps:style><a:fillRef idx="0"/></wps:style>',
    ],
)
def test_white_text_in_a_shape_that_is_not_filled_is_left_out(fill: str) -> None:
    assert read(in_shape(fill)).full_text == "shown"


@pytest.mark.parametrize(
    "fill",
    [
        '<a:solidFill><a:srgbClr val="1F3A4D"/></a:solidFill></wps:spPr>',
        '<a:solidFill><a:schemeClr val="accent1"/></a:solidFill></wps:spPr>',
        "<a:gradFill/></wps:spPr>",
        '</wps:spPr><wps:style><a:fillRef idx="1"/></wps:style>',
    ],
)
def test_white_text_in_a_filled_shape_is_kept(fill: str) -> None:
    assert read(in_shape(fill)).full_text.split() == ["shown", "legit"]


@pytest.mark.parametrize(
    "shown",
    [
        paragraph("legit", run='<w:vanish w:val="0"/>'),
        paragraph("legit", run='<w:color w:val="auto"/>'),
        paragraph("legit", run='<w:sz w:val="12"/>'),
        paragraph("legit", run=WHITE + DARK),
        paragraph("legit", run=f'{WHITE}<w:highlight w:val="black"/>'),
        paragraph("legit", run=WHITE, properties=DARK),
        CELL.format("", DARK, paragraph("legit", run=WHITE)),
        CELL.format(DARK, "", paragraph("legit", run=WHITE)),
        CELL.format("", "", CELL.format("", DARK, paragraph("legit", run=WHITE))),
        CELL.format("", '<w:shd w:val="pct50" w:fill="FFFFFF"/>', paragraph("legit", run=WHITE)),
        '<w:p><w:r><v:shape fillcolor="#1f3a4d"><v:textbox><w:txbxContent>'
        f"{paragraph('legit', run=WHITE)}</w:txbxContent></v:textbox></v:shape></w:r></w:p>",
    ],
)
def test_text_that_is_seen_is_kept(shown: str) -> None:
    text = read(shown)
    assert (text.full_text.split(), text.hidden_text_removed) == (["shown", "legit"], False)


def test_white_text_on_a_dark_page_is_kept() -> None:
    assert "legit" in read(paragraph("legit", run=WHITE), head='<w:background w:color="000000"/>').full_text


@pytest.mark.parametrize(
    ("style", "body"),
    [
        (
            '<w:style w:type="character" w:styleId="S"><w:rPr><w:vanish/></w:rPr></w:style>',
            paragraph(HIDDEN, run='<w:rStyle w:val="S"/>'),
        ),
        (
            '<w:style w:type="paragraph" w:styleId="P"><w:basedOn w:val="Q"/></w:style>'
            f'<w:style w:type="paragraph" w:styleId="Q"><w:rPr>{WHITE}</w:rPr></w:style>',
            paragraph(HIDDEN, properties='<w:pStyle w:val="P"/>'),
        ),
    ],
)
def test_style_hides_text(style: str, body: str) -> None:
    text = read_styled(style, body)
    assert (text.full_text, text.hidden_text_removed) == ("shown", True)


def test_run_overrules_its_style() -> None:
    style = '<w:style w:type="character" w:styleId="S"><w:rPr><w:vanish/></w:rPr></w:style>'
    run = '<w:rStyle w:val="S"/><w:vanish w:val="false"/>'
    assert read_styled(style, paragraph("legit", run=run)).full_text == "shown\nlegit"


def test_default_paragraph_style_applies_where_none_is_named() -> None:
    style = '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:rPr><w:sz w:val="1"/></w:rPr></w:style>'
    with pytest.raises(NoText, match="invisible"):
        read_styled(style, paragraph(HIDDEN))


def test_table_style_that_shades_keeps_white_text() -> None:
    style = f'<w:style w:type="table" w:styleId="T"><w:tblStylePr w:type="firstRow"><w:tcPr>{DARK}</w:tcPr></w:tblStylePr></w:style>'
    body = CELL.format('<w:tblStyle w:val="T"/>', "", paragraph("legit", run=WHITE))
    assert read_styled(style, body).full_text == "shown\nlegit"


def test_styles_based_on_each_other_end() -> None:
    style = (
        '<w:style w:type="paragraph" w:styleId="P"><w:basedOn w:val="Q"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Q"><w:basedOn w:val="P"/></w:style>'
    )
    assert read_styled(style, paragraph("legit", properties='<w:pStyle w:val="P"/>')).full_text == "shown\nlegit"
