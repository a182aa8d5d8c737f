"""The page of one application."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from applications.models import Application, StepState
from applications.pages.results import result_of
from applications.pages.steps import Progress, progress_of, shown_status, step_rows
from applications.selectors.applications import get_latest_run, list_events, list_steps
from applications.selectors.usage import sum_by_step
from tenants.models import Membership

NOTES = {
    "hidden_text_removed": "The file held text that a reader does not see. It was left out.",
    "truncated": "The file is longer than what is read of a CV: its end was left out.",
    "from_scan": "The file is a scan. Its text may differ from what the picture shows.",
}


@dataclass(frozen=True)
class ApplicationHead:
    """Who applied for what, and where that stands."""

    candidate_name: str
    candidate_email: str
    candidate_phone: str
    cover_note: str
    job: str
    created_at: datetime
    status: str
    status_label: str


@dataclass(frozen=True)
class CVPart:
    """The uploaded file. ``pages`` is None until it was read; ``size`` is in bytes.

    ``error_message`` is empty where a step on the same page says it.
    """

    file_name: str
    size: int
    pages: int | None
    kind: str
    notes: list[str]
    error_code: str
    error_message: str
    download_url: str | None


def application_page(application: Application, membership: Membership) -> dict[str, Any]:
    """Gather the page's context for a member; who may not change anything gets no addresses to do so."""
    company, run = application.company, get_latest_run(application)
    steps, usage = list_steps(run), sum_by_step(application)
    progress = progress_of(run, steps)
    return {
        "company": company,
        "application": _head(application, progress),
        "job_url": reverse("job_detail", args=[company.slug, application.job.slug]),
        "run_number": run.number,
        "steps": step_rows(
            steps, usage, job=application.job, company_slug=company.slug, can_retry=membership.can_recruit
        ),
        "progress": progress,
        "poll_url": _poll_url(application) if progress.poll_seconds else None,
        "total_charged_tokens": sum(used.charged_tokens for used in usage.values()),
        "ledger_url": _ledger_url(application) if membership.can_administer else None,
        "result": result_of(run, steps, application.cv.pages or []),
        "cv": _cv(
            application, membership, said={step.error_message for step in steps if step.state == StepState.FAILED}
        ),
        "events": list_events(application),
    }


def _poll_url(application: Application) -> str:
    return reverse("application_progress", args=[application.company.slug, application.pk])


def _ledger_url(application: Application) -> str:
    """Return where the calls of an application are listed."""
    return f"{reverse('token_page', args=[application.company.slug])}?application={application.pk}#recent-usage"


def _head(application: Application, progress: Progress) -> ApplicationHead:
    candidate = application.candidate
    status, label = shown_status(application, is_waiting_for_tokens=progress.is_waiting_for_tokens)
    return ApplicationHead(
        candidate_name=str(candidate),
        candidate_email=candidate.email,
        candidate_phone=candidate.phone,
        cover_note=application.cover_note,
        job=application.job.title,
        created_at=application.created_at,
        status=status,
        status_label=label,
    )


def _cv(application: Application, membership: Membership, said: Collection[str]) -> CVPart | None:
    cv = application.cv
    if not cv.file:  # erased
        return None
    url = reverse("cv_download", args=[application.company.slug, application.pk])
    return CVPart(
        file_name=cv.file_name,
        size=cv.byte_count,
        pages=None if cv.pages is None else len(cv.pages),
        kind=cv.kind,
        notes=[NOTES[note] for note in cv.notes if note in NOTES],
        error_code=cv.error_code,
        error_message="" if cv.error_message in said else cv.error_message,
        download_url=url if membership.can_recruit else None,
    )
