"""Read the text of a CV, once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from django.conf import settings

from applications.errors import CVUnavailable
from applications.extraction import ExtractedText, Limits, extract_text
from applications.models import CV

logger = structlog.get_logger(__name__)


def read_cv(cv: CV) -> None:
    """Store the text of ``cv``, page by page, unless it was read before.

    Raises:
        ExtractionError: the file cannot be read; nothing was sent to AI.
        CVUnavailable: the storage does not have the file.
    """
    if cv.pages is not None:
        return
    with _as_local_file(cv) as path:
        text = extract_text(path, file_name=cv.file_name, limits=Limits(max_bytes=settings.CV_MAX_BYTES))
    cv.pages, cv.kind, cv.notes = list(text.pages), text.kind, _notes(text)
    cv.error_code = cv.error_message = ""
    cv.save(update_fields=["pages", "kind", "notes", "error_code", "error_message"])
    logger.info("cv_read", kind=text.kind, pages=len(text.pages), notes=cv.notes)


@contextmanager
def _as_local_file(cv: CV) -> Iterator[Path]:
    """Copy the upload out of whatever storage is in use: the reader works on a file of this machine."""
    try:
        stored = cv.file.open("rb")
    except FileNotFoundError:
        raise CVUnavailable("The file of this CV is missing.") from None
    with stored, NamedTemporaryFile(prefix="cv-") as copy:
        shutil.copyfileobj(stored, copy)
        copy.flush()
        yield Path(copy.name)


def _notes(text: ExtractedText) -> list[str]:
    """Name what a recruiter should know about the text: part of it was hidden, cut, or read from a picture."""
    facts = {
        "hidden_text_removed": text.hidden_text_removed,
        "truncated": text.truncated,
        "from_scan": text.from_scan,
    }
    return [name for name, is_so in facts.items() if is_so]
