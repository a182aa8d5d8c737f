"""PDF layouts drawn with ReportLab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    PageTemplate,
    Paragraph,
    SimpleDocTemplate,
)

from layouts.person import Person, Section

WIDTH, HEIGHT = A4
MARGIN = 54.0
SIDEBAR = 190.0
DARK = HexColor("#1f3a4d")


def single_column(
    person: Person, path: Path, *, font: str = "Helvetica", bold: str = "Helvetica-Bold", ligatures: bool = False
) -> None:
    """Draw one column from top to bottom; with `ligatures` as typesetting programs write fi, fl and ffi."""
    doc = SimpleDocTemplate(str(path), pagesize=A4, margins=MARGIN, title=person.name, invariant=1)
    doc.build(_head(person, font, bold, ligatures) + _body(person.sections, font, bold, ligatures))


def embedded_font(person: Person, path: Path) -> None:
    """Draw one column in an embedded TrueType subset, with typographic ligatures."""
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    pdfmetrics.registerFont(TTFont("VeraBd", "VeraBd.ttf"))
    single_column(person, path, font="Vera", bold="VeraBd", ligatures=True)


def japanese(person: Person, path: Path) -> None:
    """Draw one column in a Japanese font that the reader supplies (predefined CMap, nothing embedded)."""
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiKakuGo-W5"))
    single_column(person, path, font="HeiseiKakuGo-W5", bold="HeiseiKakuGo-W5")


def dark_sidebar(person: Person, path: Path) -> None:
    """Draw a dark sidebar with white text beside the main column, one column after the other."""
    doc = BaseDocTemplate(str(path), pagesize=A4, title=person.name, invariant=1)
    side = Frame(0, 0, SIDEBAR, HEIGHT, leftPadding=18, rightPadding=14, topPadding=40, id="side")
    main = Frame(SIDEBAR, 0, WIDTH - SIDEBAR, HEIGHT, leftPadding=24, rightPadding=36, topPadding=40, id="main")
    doc.addPageTemplates(PageTemplate(frames=[side, main], onPage=_paint_sidebar))
    aside = [section for section in person.sections if section.column == "side"]
    rest = [section for section in person.sections if section.column == "main"]
    contact = [Paragraph(escape(line), _style("Helvetica", 9, color=white)) for line in person.contact]
    doc.build(
        [
            *contact,
            *_body(aside, "Helvetica", "Helvetica-Bold", color=white),
            FrameBreak(),
            *_head(person, "Helvetica", "Helvetica-Bold", with_contact=False),
            *_body(rest, "Helvetica", "Helvetica-Bold"),
        ]
    )


def two_columns_row_by_row(person: Person, path: Path) -> None:
    """Draw two columns line by line across the page, as programs do that lay out with tables.

    The order of the drawing commands is of no use to a reader: left line, right line, left line, …
    """
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.setTitle(person.name)
    canvas.setFont("Times-Bold", 20)
    canvas.drawString(MARGIN, HEIGHT - 60, person.name)
    canvas.setFont("Times-Roman", 12)
    canvas.drawString(MARGIN, HEIGHT - 78, person.headline)
    canvas.drawString(MARGIN, HEIGHT - 94, " · ".join(person.contact))
    left = _rows([s for s in person.sections if s.column == "side"], 145)
    right = _rows([s for s in person.sections if s.column == "main"], 310, intro=person.summary)
    for index in range(max(len(left), len(right))):
        y = HEIGHT - 130 - 14 * index
        for x, rows in ((MARGIN, left), (MARGIN + 175, right)):
            if index < len(rows):
                font, text = rows[index]
                canvas.setFont(font, 10)
                canvas.drawString(x, y, text)
    canvas.save()


def academic(person: Person, path: Path, *, publications: Sequence[str], courses: Sequence[str]) -> None:
    """Draw a long CV with numbered publications, page headers and page numbers."""
    doc = SimpleDocTemplate(str(path), pagesize=A4, title=person.name, invariant=1)
    serif = _style("Times-Roman", 12, after=7)
    story = _head(person, "Times-Roman", "Times-Bold") + _body(person.sections, "Times-Roman", "Times-Bold")
    for title, items in (("Publications", publications), ("Teaching and supervision", courses)):
        story.append(Paragraph(title, _style("Times-Bold", 13, before=12)))
        story += [Paragraph(escape(f"[{number}] {item}"), serif) for number, item in enumerate(items, 1)]
    doc.build(story, onFirstPage=_paint_folio, onLaterPages=_paint_folio)


def _head(person: Person, font: str, bold: str, ligatures: bool = False, with_contact: bool = True) -> list[Flowable]:
    contact = person.contact if with_contact else ()
    lines = [person.headline, *contact, person.summary]
    story: list[Flowable] = [Paragraph(escape(person.name), _style(bold, 20, after=8))]
    return story + [_paragraph(line, _style(font, 10.5, after=4), ligatures) for line in lines if line]


def _body(
    sections: Sequence[Section], font: str, bold: str, ligatures: bool = False, color: HexColor = DARK
) -> list[Flowable]:
    ink = color if color is white else HexColor("#000000")
    plain, strong = _style(font, 10, color=ink), _style(bold, 10, before=5, color=ink)
    story: list[Flowable] = []
    for section in sections:
        story.append(_paragraph(section.title, _style(bold, 13, before=12, after=3, color=color), ligatures))
        story += [_paragraph(line, plain, ligatures) for line in section.lines]
        for entry in section.entries:
            story += [_paragraph(entry.heading, strong, ligatures), _paragraph(entry.period, plain, ligatures)]
            story += [_paragraph(f"• {point}", plain, ligatures) for point in entry.points]
    return story


def _rows(sections: Sequence[Section], width: float, intro: str = "") -> list[tuple[str, str]]:
    rows = [("Times-Roman", line) for line in simpleSplit(intro, "Times-Roman", 10, width)]
    for section in sections:
        rows += [("Times-Roman", ""), ("Times-Bold", section.title)]
        for text in section.lines:
            rows += [("Times-Roman", line) for line in simpleSplit(text, "Times-Roman", 10, width)]
        for entry in section.entries:
            rows += [("Times-Bold", line) for line in simpleSplit(entry.heading, "Times-Bold", 10, width)]
            for text in (entry.period, *(f"- {point}" for point in entry.points)):
                rows += [("Times-Roman", line) for line in simpleSplit(text, "Times-Roman", 10, width)]
    return rows


def _paragraph(text: str, style: ParagraphStyle, ligatures: bool) -> Paragraph:
    if ligatures:
        text = text.replace("fi", "\ufb01").replace("fl", "\ufb02")
    return Paragraph(escape(text), style)


def _style(font: str, size: float, *, before: float = 0, after: float = 1, color: HexColor = DARK) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}-{size}",
        fontName=font,
        fontSize=size,
        leading=size * 1.35,
        spaceBefore=before,
        spaceAfter=after,
        textColor=color,
        wordWrap="CJK" if font.startswith("Heisei") else None,
    )


def _paint_sidebar(canvas: Canvas, _doc: BaseDocTemplate) -> None:
    canvas.setFillColor(DARK)
    canvas.rect(0, 0, SIDEBAR, HEIGHT, stroke=0, fill=1)


def _paint_folio(canvas: Canvas, doc: BaseDocTemplate) -> None:
    canvas.setFont("Times-Italic", 9)
    canvas.drawString(72, HEIGHT - 40, doc.title)
    canvas.drawRightString(WIDTH - 72, 36, f"Page {canvas.getPageNumber()}")
