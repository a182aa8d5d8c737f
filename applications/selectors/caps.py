"""How far a job's daily cap is used."""

from datetime import date
from uuid import UUID

from applications.models import Job, Run, Step, StepState


def count_admitted(job: Job, day: date, *, besides: UUID | None = None) -> int:
    """Count the applications to ``job`` whose AI work began on that company day, one application apart."""
    runs = Run.objects.filter(company_id=job.company_id, admitted_on=day, application__job=job)
    others = runs if besides is None else runs.exclude(application_id=besides)
    return others.values("application_id").distinct().count()


def count_held_back(job: Job) -> int:
    """Count the applications to ``job`` that wait for the next day."""
    return Step.objects.filter(
        company_id=job.company_id, state=StepState.WAITING_FOR_CAP, run__application__job=job
    ).count()
