"""Read applications and the steps of their latest runs."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q, QuerySet

from applications.models import Application, Event, Job, Run, Step
from tenants.models import Company


def list_applications(
    company: Company, *, job: Job | None = None, status: str = "", text: str = ""
) -> QuerySet[Application]:
    """List applications, newest first, of a job, in a status, whose candidate's name or address contains ``text``."""
    rows = Application.objects.filter(company=company).select_related("candidate", "job")
    if job is not None:
        rows = rows.filter(job=job)
    if status:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(Q(candidate__name__icontains=text) | Q(candidate__email__icontains=text))
    return rows


def find_application(company: Company, application_id: UUID) -> Application | None:
    """Find an application with its job, candidate and CV, or None: also for those of other companies."""
    rows = Application.objects.filter(company=company).select_related("candidate", "job", "cv", "company")
    return rows.filter(pk=application_id).first()


def get_latest_run(application: Application) -> Run:
    """Return the latest run of an application; every application has one."""
    return application.runs.order_by("-number")[0]


def list_steps(run: Run) -> list[Step]:
    """List the steps of a run in their order."""
    return list(run.steps.order_by("position"))


def list_latest_steps(ids: Collection[UUID]) -> dict[UUID, list[Step]]:
    """List the steps of the latest run of each application, without their results. One query."""
    rows = Step.objects.filter(run__application_id__in=ids).select_related("run").defer("result", "run__brief")
    latest: dict[UUID, list[Step]] = {}
    for step in rows.order_by("run__number", "position"):
        if step.position == 1:
            latest[step.run.application_id] = []
        latest[step.run.application_id].append(step)
    return latest


def list_events(application: Application) -> QuerySet[Event]:
    """List what happened to an application, latest first."""
    return application.events.select_related("actor").order_by("-id")
