"""The public pages on which people find jobs and apply."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from applications.selectors.jobs import list_open_jobs
from tenants.models import Company


@dataclass(frozen=True)
class JobCard:
    """An open job in the list."""

    title: str
    url: str
    location: str
    created_at: datetime


def job_cards(company: Company) -> list[JobCard]:
    """Make the cards of a company's open jobs, newest first."""
    return [
        JobCard(job.title, reverse("careers_job", args=[company.slug, job.slug]), job.location, job.created_at)
        for job in list_open_jobs(company)
    ]
