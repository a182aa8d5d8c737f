"""Take in an application: what a candidate sends becomes rows, a stored file, and work for the workers."""

from __future__ import annotations  # Django's files are generic for the type checker alone

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePath
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.files import File
from django.db import transaction

from applications.errors import JobClosed
from applications.extraction import HEAD_BYTES, Kind, Limits, check_upload
from applications.models import CV, Application, Candidate, Job, JobStatus
from applications.services.events import record_event
from applications.services.runs import add_first_run

logger = structlog.get_logger(__name__)

_LONGEST_FILE_NAME = 200
_NOT_FOR_A_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True)
class _Upload:
    """A checked file: what is stored of it besides its bytes."""

    file: File[bytes]
    file_name: str
    byte_count: int
    sha256: str
    kind: Kind


def submit_application(
    *, job: Job, name: str, email: str, phone: str = "", cover_note: str = "", cv_file: File[bytes]
) -> Application:
    """Store an application with its CV and queue its screening; the same CV for the same job is stored once.

    Sending a form twice returns the application that the first one made. The company is the job's (requirement A1).

    Raises:
        ExtractionError: the file is too large or of no kind that can be read (see ``check_cv``). Nothing was stored.
        JobClosed: the job takes no applications. Nothing was stored.
    """
    upload = _receive(cv_file)
    earlier = _find_earlier(job, email, upload.sha256)
    if earlier is not None:
        return earlier
    stored_name = _store(upload)
    try:
        application, is_new = _write(job, name, email, phone, cover_note, upload, stored_name)
    except BaseException:
        _discard(stored_name)
        raise
    if not is_new:
        _discard(stored_name)
    return application


def check_cv(cv_file: File[bytes]) -> Kind:
    """Return the kind of an upload by its size and first bytes, without opening it as a document.

    Raises:
        ExtractionError: it is too large, or is nothing that can be read; the message is for the candidate.
    """
    cv_file.seek(0)
    head = cv_file.read(HEAD_BYTES)
    cv_file.seek(0)
    limits = Limits(max_bytes=settings.CV_MAX_BYTES)
    return check_upload(size_bytes=cv_file.size, head=head, file_name=cv_file.name or "", limits=limits)


def _receive(cv_file: File[bytes]) -> _Upload:
    kind = check_cv(cv_file)
    digest = hashlib.sha256()
    for chunk in cv_file.chunks():
        digest.update(chunk)
    return _Upload(cv_file, _tidy_name(cv_file.name or ""), cv_file.size, digest.hexdigest(), kind)


def _tidy_name(name: str) -> str:
    """Return a name to show and to download under: without folders and control characters, its ending kept."""
    tidy = _NOT_FOR_A_NAME.sub("", re.split(r"[/\\]", name)[-1]).strip() or "cv"
    suffix = PurePath(tidy).suffix[:16]
    stem = tidy.removesuffix(suffix) if suffix else tidy
    return stem[: _LONGEST_FILE_NAME - len(suffix)] + suffix


def _find_earlier(job: Job, email: str, sha256: str) -> Application | None:
    """Find what the same person sent to the same job with the same file."""
    same = Application.objects.filter(job=job, candidate__email__iexact=email, cv__sha256=sha256)
    return same.order_by("id").first()


def _store(upload: _Upload) -> str:
    """Store the file under a name that cannot be guessed, and that says nothing about the person."""
    field = CV._meta.get_field("file")
    upload.file.seek(0)
    return field.storage.save(field.generate_filename(CV(), uuid4().hex), upload.file)


def _discard(stored_name: str) -> None:
    CV._meta.get_field("file").storage.delete(stored_name)


def _write(
    job: Job, name: str, email: str, phone: str, cover_note: str, upload: _Upload, stored_name: str
) -> tuple[Application, bool]:
    """Write all rows, or find that somebody has just sent the same. The candidate's row is locked meanwhile."""
    with transaction.atomic():
        if not Job.objects.filter(pk=job.pk, status=JobStatus.OPEN).exists():
            raise JobClosed
        candidate = _lock_candidate(job, name, email, phone)
        earlier = _find_earlier(job, email, upload.sha256)
        if earlier is not None:
            return earlier, False
        application = Application.objects.create(
            company_id=job.company_id, job=job, candidate=candidate, cover_note=cover_note
        )
        _write_cv(application, upload, stored_name)
        add_first_run(application)
        record_event(application_id=application.pk, kind="received", text="Application received.")
    logger.info("application_received", application_id=str(application.pk), company_id=job.company_id, kind=upload.kind)
    return application, True


def _lock_candidate(job: Job, name: str, email: str, phone: str) -> Candidate:
    """Find or make the person of that address, and lock them, so that a double submission waits for the first.

    Anybody can type any address into a public form: what is known about a person is completed, never overwritten.
    """
    known = Candidate.objects.filter(company_id=job.company_id, email__iexact=email)
    if not known.exists():
        new = Candidate(company_id=job.company_id, name=name, email=email, phone=phone)
        Candidate.objects.bulk_create([new], ignore_conflicts=True)
    candidate = known.select_for_update(no_key=True).get()
    if phone and not candidate.phone:
        candidate.phone = phone
        candidate.save(update_fields=["phone"])
    return candidate


def _write_cv(application: Application, upload: _Upload, stored_name: str) -> None:
    CV.objects.create(
        application=application,
        file=stored_name,
        file_name=upload.file_name,
        byte_count=upload.byte_count,
        sha256=upload.sha256,
        kind=upload.kind,
    )
