"""What an extraction returns."""

from __future__ import annotations

from dataclasses import dataclass

from applications.extraction.kinds import Kind


@dataclass(frozen=True)
class ExtractedText:
    """The readable text of one document.

    `pages` has one item per page of a PDF, one in all for DOCX and TXT; it holds no NUL or other control
    character except newline, and may have empty items. `hidden_text_removed` says that the document held
    text that a person would not see. `from_scan` says that a page is a picture, and its text the invisible
    layer that a scanner's program laid over it: it may differ from what the picture shows.
    """

    pages: tuple[str, ...]
    kind: Kind
    truncated: bool = False
    hidden_text_removed: bool = False
    from_scan: bool = False

    @property
    def full_text(self) -> str:
        """All pages, with an empty line between two."""
        return "\n\n".join(page for page in self.pages if page)
