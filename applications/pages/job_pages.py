"""The list of jobs and the page of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from applications.models import Application, Job, JobStatus
from applications.pages.application_rows import application_rows
from applications.selectors.caps import count_admitted, count_held_back
from applications.selectors.jobs import count_applications
from applications.selectors.usage import sum_charged_by_job
from tenants.models import Company, Membership
from tokens.periods import today


@dataclass(frozen=True)
class JobRow:
    """One line of the list. ``charged_tokens`` is None when no call was made."""

    url: str
    title: str
    location: str
    status: str
    status_label: str
    application_count: int
    charged_tokens: int | None
    created_at: datetime


@dataclass(frozen=True)
class CapUse:
    """How many applications AI has begun to screen today, of how many, and how many wait for room."""

    used: int
    limit: int
    waiting: int

    @property
    def used_percent(self) -> float:
        """The share used, of 100; a limit of 0 is used up."""
        return 100 * self.used / self.limit if self.limit else 100.0


def job_list_page(membership: Membership, jobs: Sequence[Job]) -> dict[str, Any]:
    """Gather the context of one page of jobs, in two queries however many they are."""
    company, ids = membership.company, [job.pk for job in jobs]
    counts = count_applications(company, ids) if ids else {}
    charged = sum_charged_by_job(company, ids) if ids else {}
    return {
        "company": company,
        "rows": [_row(company, job, counts.get(job.pk, 0), charged.get(job.pk)) for job in jobs],
        "careers_url": reverse("careers_company", args=[company.slug]),
        "new_job_url": reverse("job_new", args=[company.slug]) if membership.can_recruit else None,
    }


def job_page(job: Job, membership: Membership, applications: Sequence[Application]) -> dict[str, Any]:
    """Gather the context of a job's page with one page of its applications."""
    company = membership.company
    used, waiting = count_admitted(job, today(company)), count_held_back(job)
    return {
        "company": company,
        "job": job,
        "criteria": job.criteria.all(),
        "rows": application_rows(company, applications),
        "cap": CapUse(used, job.daily_ai_cap, waiting),
        "careers_url": reverse("careers_job", args=[company.slug, job.slug]),
        "edit_url": reverse("job_edit", args=[company.slug, job.slug]) if membership.can_recruit else None,
    }


def _row(company: Company, job: Job, application_count: int, charged_tokens: int | None) -> JobRow:
    return JobRow(
        url=reverse("job_detail", args=[company.slug, job.slug]),
        title=job.title,
        location=job.location,
        status=job.status,
        status_label=JobStatus(job.status).label,
        application_count=application_count,
        charged_tokens=charged_tokens,
        created_at=job.created_at,
    )
