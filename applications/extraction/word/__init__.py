"""Text of Word files (DOCX) in document order, and without what a reader would not see."""

from applications.extraction.word.document import read_docx

__all__ = ["read_docx"]
