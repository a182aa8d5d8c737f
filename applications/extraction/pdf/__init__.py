"""Text of PDF files, in reading order and without what a reader would not see."""

from applications.extraction.pdf.document import read_pdf

__all__ = ["read_pdf"]
