"""What the ledger's pages ask about applications and jobs, which they know by id alone."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from applications.models import Application, ApplicationStatus, Job, Step, StepState
from tenants.models import Company
from tokens.directory import Label, WorkCounts, WorkSummary


def label_applications(company: Company, ids: Collection[UUID]) -> dict[UUID, Label]:
    """Name applications by their candidates."""
    rows = Application.objects.filter(company=company, pk__in=ids).select_related("candidate")
    return {
        row.pk: Label(str(row.candidate), reverse("application_detail", args=[company.slug, row.pk])) for row in rows
    }


def label_jobs(company: Company, ids: Collection[UUID]) -> dict[UUID, Label]:
    """Name jobs by their titles."""
    rows = Job.objects.filter(company=company, pk__in=ids)
    return {row.pk: Label(row.title, reverse("job_detail", args=[company.slug, row.slug])) for row in rows}


def summarise_work(company: Company) -> WorkSummary:
    """Count the steps that run or wait for tokens, and the applications that need a person."""
    running = Count("id", filter=Q(state=StepState.RUNNING))
    waiting = Count("id", filter=Q(state=StepState.WAITING_FOR_TOKENS))
    # The list of states is that of the index on open steps.
    open_states = (StepState.READY, StepState.RUNNING, StepState.WAITING_FOR_TOKENS, StepState.WAITING_FOR_CAP)
    counts = Step.objects.filter(company=company, state__in=open_states).aggregate(running=running, waiting=waiting)
    failed = Application.objects.filter(company=company, status=ApplicationStatus.NEEDS_ATTENTION).count()
    return WorkSummary(counts["running"], counts["waiting"], failed, reverse("application_list", args=[company.slug]))


def count_work(company_ids: Collection[int]) -> dict[int, WorkCounts]:
    """Count for several companies what ``summarise_work`` does for one, in two queries."""
    waiting = _count_by_company(Step.objects.filter(state=StepState.WAITING_FOR_TOKENS), company_ids)
    failed = _count_by_company(Application.objects.filter(status=ApplicationStatus.NEEDS_ATTENTION), company_ids)
    return {company_id: WorkCounts(waiting.get(company_id, 0), failed.get(company_id, 0)) for company_id in company_ids}


def _count_by_company(rows: QuerySet[Any], company_ids: Collection[int]) -> dict[int, int]:
    counted = rows.filter(company_id__in=company_ids).order_by().values_list("company_id").annotate(Count("id"))
    return dict(counted)


def find_company_of_application(application_id: UUID) -> int | None:
    """Find the id of the company that an application belongs to."""
    return Application.objects.filter(pk=application_id).values_list("company_id", flat=True).first()


def find_company_of_job(job_id: UUID) -> int | None:
    """Find the id of the company that a job belongs to."""
    return Job.objects.filter(pk=job_id).values_list("company_id", flat=True).first()
