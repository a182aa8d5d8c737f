"""The two calls that the rest of Winnow makes: a glance at the upload, and the extraction in a worker."""

from __future__ import annotations

from pathlib import Path

from applications.extraction.errors import TooLarge
from applications.extraction.kinds import HEAD_BYTES, Kind, sniff_kind
from applications.extraction.limits import Limits
from applications.extraction.process import run_child
from applications.extraction.text import ExtractedText

DEFAULT_LIMITS = Limits()


def check_upload(*, size_bytes: int, head: bytes, file_name: str, limits: Limits = DEFAULT_LIMITS) -> Kind:
    """Return the kind of an upload, or raise TooLarge or an error of `sniff_kind`; parses nothing."""
    if size_bytes > limits.max_bytes:
        raise TooLarge.above(limits.max_bytes)
    return sniff_kind(head, file_name=file_name)


def extract_text(path: Path, *, file_name: str, limits: Limits = DEFAULT_LIMITS) -> ExtractedText:
    """Return the text of the document at `path`, whose uploader named it `file_name`.

    Parses in a child process and takes at most about `limits.wall_seconds`. Raises ExtractionError, or OSError
    if there is no such file.
    """
    with path.open("rb") as document:
        kind = check_upload(
            size_bytes=path.stat().st_size, head=document.read(HEAD_BYTES), file_name=file_name, limits=limits
        )
        return run_child(document.fileno(), kind, limits)
