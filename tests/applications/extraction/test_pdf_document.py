"""Reading order of a PDF, and documents that break the rules."""

import pytest
from reportlab.pdfgen.canvas import Canvas

from applications.extraction import Corrupt, Encrypted, Limits, TooManyPages
from applications.extraction.pdf import canvas as pdf_canvas
from applications.extraction.pdf import read_pdf
from tests.applications.extraction.pdfs import CATALOG, LINE, LINE_OPERATORS, canvas_pdf, form, page_pdf, raw_pdf


def test_columns_are_read_one_after_the_other_whatever_order_they_are_drawn_in() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(60, 800, "A heading over both")
        for row in range(12):
            canvas.drawString(60, 760 - 14 * row, f"left {row} of the main column, which is rather long")
            canvas.drawString(420, 760 - 14 * row, f"right {row}")

    lines = read_pdf(canvas_pdf(draw), Limits()).full_text.replace("\n\n", "\n").split("\n")
    assert lines[0] == "A heading over both"
    assert [line.split()[:2] for line in lines[1:]] == [
        [side, str(row)] for side in ("left", "right") for row in range(12)
    ]


def test_page_with_more_boxes_than_can_be_ordered_is_read_from_top_to_bottom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_canvas, "MAX_ORDERED_BOXES", 3)

    def draw(canvas: Canvas) -> None:
        for index in range(8):
            canvas.drawString(60 + 250 * (index % 2), 700 - 50 * (index // 2), f"box {index}")

    text = read_pdf(canvas_pdf(draw), Limits()).full_text
    assert text.split("\n\n") == [f"box {index}" for index in range(8)]


def test_text_in_a_form_is_read_and_the_page_goes_on_after_it() -> None:
    inner = form(b"1 0 0 1 0 -100 cm BT /F1 12 Tf 72 700 Td (inside the form) Tj ET", b"/Font<</F1 5 0 R>>")
    data = page_pdf(b"/X Do " + LINE_OPERATORS, resources=b"/XObject<</X 6 0 R>>", more=[inner])
    assert read_pdf(data, Limits()).pages == (f"{LINE}\n\ninside the form",)


def test_free_codes_of_windows_encoding_are_bullets() -> None:
    data = page_pdf(b"BT /F1 12 Tf 72 700 Td (\x7f %b) Tj ET" % LINE.encode())
    assert read_pdf(data, Limits()).pages == (f"• {LINE}",)


def test_pages_stay_apart() -> None:
    data = canvas_pdf(lambda canvas: canvas.drawString(72, 700, LINE), lambda canvas: canvas.drawString(72, 700, "2"))
    assert read_pdf(data, Limits()).pages == (LINE, "2")


def test_text_is_cut_at_the_limit() -> None:
    text = read_pdf(page_pdf(LINE_OPERATORS), Limits(max_characters=30))
    assert (text.pages, text.truncated) == ((LINE[:30],), True)


def test_claimed_page_count_is_not_believed() -> None:
    data = page_pdf(LINE_OPERATORS).replace(b"/Count 1", b"/Count 2000000000")
    assert read_pdf(data, Limits()).pages == (LINE,)


def test_document_with_more_pages_than_the_limit_is_refused() -> None:
    data = canvas_pdf(*[lambda canvas: canvas.drawString(72, 700, LINE)] * 3)
    assert len(read_pdf(data, Limits(max_pages=3)).pages) == 3
    with pytest.raises(TooManyPages, match="more than 2 pages"):
        read_pdf(data, Limits(max_pages=2))


def test_page_tree_that_holds_itself_is_walked_once() -> None:
    data = page_pdf(LINE_OPERATORS).replace(b"/Kids[3 0 R]", b"/Kids[2 0 R 3 0 R]")
    assert read_pdf(data, Limits()).pages == (LINE,)


def test_form_that_paints_itself_is_painted_once() -> None:
    data = page_pdf(
        LINE_OPERATORS + b"/X Do",
        resources=b"/XObject<</X 6 0 R>>",
        more=[form(b"/X Do", b"/XObject<</X 6 0 R>>")],
    )
    assert read_pdf(data, Limits()).pages == (LINE,)


def test_document_without_its_end_is_refused() -> None:
    data = page_pdf(LINE_OPERATORS)
    with pytest.raises(Corrupt):
        read_pdf(data[: data.index(b"%%EOF")], Limits())


def test_linearized_document_that_was_cut_off_is_refused_in_spite_of_its_first_end_mark() -> None:
    data = page_pdf(LINE_OPERATORS)
    whole = data.replace(CATALOG, CATALOG[:-2] + b"/Linearized 1 /L %d>>" % 600)
    assert read_pdf(whole, Limits()).pages == (LINE,)
    with pytest.raises(Corrupt):
        read_pdf(whole.replace(b"/L 600", b"/L 6000"), Limits())


def test_document_without_pages_is_refused() -> None:
    with pytest.raises(Corrupt):
        read_pdf(raw_pdf([CATALOG, b"<</Type/Pages/Kids[]/Count 1>>"]), Limits())


def test_unknown_lock_is_refused_as_locked() -> None:
    data = page_pdf(LINE_OPERATORS, more=[b"<</Filter/Unheard.Of/V 1>>"])
    locked = data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt 6 0 R/ID[<00><00>]")
    with pytest.raises(Encrypted):
        read_pdf(locked, Limits())
