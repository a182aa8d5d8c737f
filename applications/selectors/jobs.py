"""Read jobs."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Count, QuerySet

from applications.models import Application, Job, JobStatus
from tenants.models import Company


def list_jobs(company: Company) -> QuerySet[Job]:
    """List a company's jobs, newest first."""
    return Job.objects.filter(company=company)


def count_applications(company: Company, ids: Collection[UUID]) -> dict[UUID, int]:
    """Count the applications to some jobs; those without any are missing."""
    rows = Application.objects.filter(company=company, job__in=ids).order_by().values_list("job_id")
    return dict(rows.annotate(Count("id")))


def find_job(company: Company, slug: str) -> Job | None:
    """Find a job by its address, or None: also for those of other companies."""
    return Job.objects.filter(company=company, slug=slug).first()


def list_open_jobs(company: Company) -> QuerySet[Job]:
    """List the jobs that people can apply to, newest first."""
    return Job.objects.filter(company=company, status=JobStatus.OPEN)


def find_careers_company(slug: str) -> Company | None:
    """Find the company whose careers pages are public under ``slug``."""
    return Company.objects.filter(slug=slug, is_active=True).first()
