"""Open a PDF, refuse what cannot be read whole, and walk its pages."""

from __future__ import annotations

import io
import itertools
import logging
import re

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
    logging.disable()  # the parser logs every oddity of a document; nobody reads it
    _require_end(data)
    pages = _read_pages(_open_pages(data, limits.max_pages), limits.max_characters)
    texts, truncated = clean_pages((page.text for page in pages), limits.max_characters)
    if count_letters(texts) < MIN_LETTERS:
        raise NoText.in_pdf()
    return ExtractedText(
        texts,
        "pdf",
        truncated=truncated or len(texts) < len(pages),
        hidden_text_removed=any(page.hidden_removed for page in pages),
        from_scan=any(page.from_scan for page in pages),
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


def _read_pages(pages: list[PDFPage], max_characters: int) -> list[PageText]:
    """Read page by page until there is more text than is kept."""
    resources = PDFResourceManager()
    canvas = Canvas(resources)
    interpreter = Interpreter(resources, canvas)
    texts: list[PageText] = []
    room = max_characters
    for page in pages:
        interpreter.process_page(page)
        texts.append(canvas.text)
        room -= len(canvas.text.text)
        if room < 0:
            break
    return texts
