"""Text of uploaded CVs, read by a confined child process because uploads are hostile.

`check_upload` refuses at the form what can be refused at a glance; `extract_text` does the work in a worker.
Both raise subclasses of `ExtractionError`, whose `code` is stable and whose `message` says what to do.
"""

from applications.extraction.errors import (
    ERROR_CODES,
    Corrupt,
    Crashed,
    Encrypted,
    ExtractionError,
    NoText,
    OutOfMemory,
    TimedOut,
    TooLarge,
    TooManyPages,
    UnsupportedType,
    ZipBomb,
)
from applications.extraction.extractor import check_upload, extract_text
from applications.extraction.kinds import HEAD_BYTES, Kind, sniff_kind
from applications.extraction.limits import Limits
from applications.extraction.text import ExtractedText

__all__ = [
    "ERROR_CODES",
    "HEAD_BYTES",
    "Corrupt",
    "Crashed",
    "Encrypted",
    "ExtractedText",
    "ExtractionError",
    "Kind",
    "Limits",
    "NoText",
    "OutOfMemory",
    "TimedOut",
    "TooLarge",
    "TooManyPages",
    "UnsupportedType",
    "ZipBomb",
    "check_upload",
    "extract_text",
    "sniff_kind",
]
