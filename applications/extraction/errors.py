"""Why a CV has no text for us, in words for the person who can do something about it."""

from __future__ import annotations

from typing import ClassVar


class ExtractionError(Exception):
    """Base of every refusal and failure.

    `code` is stable and may be stored; `message` is shown to candidates and recruiters; `detail` is for the
    log and holds names of exceptions and modules, never text of the document.
    `is_transient` marks failures that another attempt on a less busy machine may not repeat.
    """

    code: ClassVar[str]
    default_message: ClassVar[str]
    is_transient: ClassVar[bool] = False

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        self.message = message or self.default_message
        self.detail = detail
        super().__init__(f"{self.code}: {detail or self.message}")


class UnsupportedType(ExtractionError):
    """The content is neither PDF nor DOCX nor text, or is not what the file's name claims."""

    code = "unsupported_type"
    default_message = "This kind of file cannot be read. Please upload the CV as PDF, DOCX or plain text (TXT)."

    @classmethod
    def because(cls, found: str) -> UnsupportedType:
        """Make the error for a file that is `found`, for example "a picture"."""
        return cls(f"This file is {found}. Please upload the CV as PDF, DOCX or plain text (TXT).")


class Encrypted(ExtractionError):
    """The document opens only with a password."""

    code = "encrypted"
    default_message = (
        "This file is locked with a password, so it cannot be read. Please upload a copy without a password."
    )


class Corrupt(ExtractionError):
    """The document is cut off, or breaks the rules of its format."""

    code = "corrupt"
    default_message = (
        "This file is damaged or incomplete; perhaps its upload was cut off. "
        "Please check that it opens on your computer, save it again and upload the new file."
    )


class NoText(ExtractionError):
    """The document opens, but holds no text."""

    code = "no_text"
    default_message = "This file holds no text. Please check that it is the right one and upload the CV again."

    @classmethod
    def in_pdf(cls) -> NoText:
        """Make the error for a PDF of pictures."""
        return cls(
            "This PDF holds only pictures, such as a scan, and no text. Please export the CV as a PDF with text "
            "from the program it was written in, or upload it as DOCX or plain text (TXT)."
        )

    @classmethod
    def but_hidden(cls) -> NoText:
        """Make the error for a document whose text no reader sees."""
        return cls(
            "All text of this file is invisible: hidden, covered, or of the colour of the page. "
            "Please upload a CV whose text can be seen when it is opened."
        )


class TooLarge(ExtractionError):
    """The file has more bytes than the limit."""

    code = "too_large"
    default_message = "This file is too large for a CV. Please upload a smaller file, for example without photos."

    @classmethod
    def above(cls, max_bytes: int) -> TooLarge:
        """Make the error that names the limit."""
        return cls(
            f"This file is larger than {max_bytes / 1_000_000:g} MB. "
            "Please upload a smaller one, for example without photos."
        )


class TooManyPages(ExtractionError):
    """The document has more pages than the limit."""

    code = "too_many_pages"
    default_message = "This document has too many pages for a CV. Please upload a shorter one."

    @classmethod
    def above(cls, max_pages: int) -> TooManyPages:
        """Make the error that names the limit."""
        return cls(f"This document has more than {max_pages} pages. Please upload the CV without its appendices.")


class ZipBomb(ExtractionError):
    """The DOCX unpacks to far more than its size, or than any CV."""

    code = "zip_bomb"
    default_message = (
        "This Word file unpacks to far more data than a CV has, so it was not opened. "
        "Please save it again in Word, or export it as PDF, and upload the new file."
    )


class TimedOut(ExtractionError):
    """Reading took more seconds than the limit."""

    code = "timed_out"
    is_transient = True
    default_message = (
        "Reading this file took too long, so it was stopped. "
        "Please export the CV again in a simpler layout, or upload it as plain text (TXT)."
    )


class OutOfMemory(ExtractionError):
    """Reading needed more memory than the limit."""

    code = "out_of_memory"
    is_transient = True
    default_message = (
        "Reading this file needed too much memory, so it was stopped. "
        "Please export the CV again without large pictures, or upload it as plain text (TXT)."
    )


class Crashed(ExtractionError):
    """The child process ended without a usable answer."""

    code = "crashed"
    is_transient = True
    default_message = (
        "This file could not be read: the reader stopped in the middle of it. "
        "Please export the CV again, as PDF or DOCX, and upload the new file."
    )


ERROR_CODES: dict[str, type[ExtractionError]] = {
    error.code: error
    for error in (
        UnsupportedType, Encrypted, Corrupt, NoText, TooLarge, TooManyPages, ZipBomb, TimedOut, OutOfMemory, Crashed,
    )
}  # fmt: skip
