"""Open a PDF, refuse what cannot be read whole, and walk its pages."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator

from pdfminer.pdfdocument import PDFDocument, PDFEncryptionError
from pdfminer.pdfinterp import PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser

from applications.extraction.cleaning import clean_pages, count_letters
from applications.extraction.errors import Corrupt, Encrypted, NoText, TooManyPages
from applications.extraction.limits import Limits
from applications.extraction.pdf.canvas import Canvas
from applications.extraction.pdf.interpreter import Interpreter
from applications.extraction.pdf.visibility import PageText
from applications.extraction.text import ExtractedText

# Fewer letters and digits than this in a whole PDF are page numbers or a scanner's mark, not a CV.
MIN_LETTERS = 20
LINEARIZED_WITHIN_BYTES = 1024
LINEARIZED_LENGTH = re.compile(rb"/Linearized\b.*?/L\s+(\d+)", re.DOTALL)


def read_pdf(data: bytes, limits: Limits) -> ExtractedText:
    """Return the pages' text. Raises Encrypted, Corrupt, TooManyPages or NoText; the parser anything else."""
    _require_end(data)
    read: list[PageText] = []
    pages = _read_pages(_open_pages(data, limits.max_pages), read)
    texts, truncated = clean_pages(pages, limits.max_characters)
    has_hidden = any(page.hidden_removed for page in read)
    if count_letters(texts) < MIN_LETTERS:
        raise NoText.but_hidden() if has_hidden else NoText.in_pdf()
    return ExtractedText(
        texts,
        "pdf",
        truncated=truncated,
        hidden_text_removed=has_hidden,
        from_scan=any(page.from_scan for page in read),
    )


def _require_end(data: bytes) -> None:
    """Refuse a file that was cut off: its reader would show some pages, and nobody would miss the others."""
    if b"%%EOF" not in data:
        raise Corrupt(detail="no end mark")
    linearized = LINEARIZED_LENGTH.search(data[:LINEARIZED_WITHIN_BYTES])
    if linearized and int(linearized[1]) > len(data):
        raise Corrupt(detail="shorter than it says")


def _open_pages(data: bytes, max_pages: int) -> list[PDFPage]:
    """List the pages there are; a page count that the document claims is not asked."""
    try:
        document = PDFDocument(PDFParser(io.BytesIO(data)))
    except PDFEncryptionError as error:
        raise Encrypted(detail=type(error).__name__) from error
    pages = list(itertools.islice(PDFPage.create_pages(document), max_pages + 1))
    if len(pages) > max_pages:
        raise TooManyPages.above(max_pages)
    if not pages:
        raise Corrupt(detail="no pages")
    return pages


def _read_pages(pages: list[PDFPage], read: list[PageText]) -> Iterator[str]:
    """Read and yield one page after the other, and note in `read` what was found."""
    resources = PDFResourceManager()
    canvas = Canvas(resources)
    interpreter = Interpreter(resources, canvas)
    for page in pages:
        interpreter.process_page(page)
        read.append(canvas.text)
        yield canvas.text.text
