"""Make small PDFs, well-formed or not."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from reportlab.pdfgen.canvas import Canvas

LINE = "Seven years of work with trains, tickets and timetables"
LINE_OPERATORS = f"BT /F1 12 Tf 72 700 Td ({LINE}) Tj ET\n".encode()
HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"


def canvas_pdf(*draw_pages: object) -> bytes:
    """Draw one page per function, each given the ReportLab canvas."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842), invariant=1)
    for draw in draw_pages:
        draw(canvas)  # type: ignore[operator]
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def raw_pdf(objects: Sequence[bytes]) -> bytes:
    """Number `objects` from 1 and add the cross-reference table; the first is the catalog."""
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.7\n")
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def page_pdf(operators: bytes, *, resources: bytes = b"", more: Sequence[bytes] = ()) -> bytes:
    """Make one page from content stream operators; /F1 is Helvetica, `more` objects start at number 6."""
    packed = zlib.compress(operators, 9)
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>" + resources + b">>>>"
    )
    content = b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(packed), packed)
    return raw_pdf([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content, HELVETICA, *more])


def form(operators: bytes, resources: bytes = b"") -> bytes:
    """Make a form XObject."""
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<<%b>>/Length %d>>"
    return head % (resources, len(operators)) + b"\nstream\n" + operators + b"\nendstream"
