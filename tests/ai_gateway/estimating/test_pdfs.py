import re
import zlib
from io import BytesIO

import pytest
from reportlab.pdfgen.canvas import Canvas

from ai_gateway.estimating import bound_image_tokens, estimate_pdf_tokens
from ai_gateway.estimating.pdfs import count_pdf_pages


def pdf(pages: int) -> bytes:
    file = BytesIO()
    canvas = Canvas(file, pageCompression=1)
    for number in range(pages):
        canvas.drawString(72, 720, f"Page {number}")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def packed(pages: int) -> bytes:
    """The page objects in a compressed object stream, as newer writers leave them."""
    objects = b" ".join(b"<</Type/Page/Parent 2 0 R/Annots[]>>" for _ in range(pages))
    stream = zlib.compress(b"1 0 2 40 " + objects)
    head = b"<</Type/ObjStm/N %d/First 9/Filter/FlateDecode/Length %d>>" % (pages, len(stream))
    return b"%PDF-1.7\n5 0 obj\n" + head + b"\nstream\r\n" + stream + b"\nendstream\nendobj\n"


@pytest.mark.parametrize("pages", [1, 2, 17])
def test_pages_are_counted(pages):
    assert count_pdf_pages(pdf(pages)) == pages
    assert count_pdf_pages(packed(pages)) == pages


def test_the_count_of_the_page_tree_stands_in_for_pages_that_are_hidden():
    hidden = re.sub(rb"/Type\s*/Page\b(?!s)", b"/Type /Xxxx", pdf(5))
    assert count_pdf_pages(hidden) == 5


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"no pdf", packed(3)[:70], b"/Type/ObjStm stream\n\xff\xff"])
def test_a_broken_file_has_a_page(data):
    assert count_pdf_pages(data) == 1


def test_a_bomb_is_not_unpacked_further_than_a_few_megabytes():
    stream = zlib.compress(b"/Type/Page " * 4_000_000, 9)
    assert 300_000 < count_pdf_pages(b"/Type/ObjStm>>\nstream\n" + stream) < 400_000


@pytest.mark.parametrize(
    ("model", "kind", "picture"),
    [("gpt-4o", "openai", 85 + 170 * 8), ("gpt-6-astra", "openai", 3_000), ("claude-opus-5-5", "anthropic", 4_784)],
)
def test_each_page_is_its_text_and_a_picture(model, kind, picture):
    assert estimate_pdf_tokens(pdf(3), model=model, kind=kind) == 3 * (3_000 + picture)


def test_claudes_pages_cover_its_documented_range():
    estimate = estimate_pdf_tokens(pdf(1), model="claude-sonnet-4-5", kind="anthropic")
    assert estimate >= 3_000 + bound_image_tokens(model="claude-sonnet-4-5", kind="anthropic")
