"""Applications in a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from applications.models import Application, Step, StepState
from applications.pages.steps import shown_status
from applications.selectors.applications import list_latest_steps
from applications.selectors.usage import sum_charged_by_application
from tenants.models import Company


@dataclass(frozen=True)
class ApplicationRow:
    """One line. ``step_state`` is empty when all steps are done; ``charged_tokens`` None when no call was made."""

    url: str
    candidate_name: str
    job_title: str
    job_url: str
    status: str
    status_label: str
    score: int | None
    steps_done: int
    steps_total: int
    step_state: str
    step_state_label: str
    charged_tokens: int | None
    created_at: datetime


def application_rows(company: Company, applications: Sequence[Application]) -> list[ApplicationRow]:
    """Make the rows of one page of applications, in two queries however many they are."""
    ids = [application.pk for application in applications]
    steps = list_latest_steps(ids) if ids else {}
    charged = sum_charged_by_application(company, ids) if ids else {}
    return [
        _row(company, application, steps.get(application.pk, []), charged.get(application.pk))
        for application in applications
    ]


def _row(
    company: Company, application: Application, steps: Sequence[Step], charged_tokens: int | None
) -> ApplicationRow:
    current = next((step for step in steps if step.state != StepState.SUCCEEDED), None)
    is_waiting = current is not None and current.state == StepState.WAITING_FOR_TOKENS
    status, status_label = shown_status(application, is_waiting_for_tokens=is_waiting)
    return ApplicationRow(
        url=reverse("application_detail", args=[company.slug, application.pk]),
        candidate_name=str(application.candidate),
        job_title=application.job.title,
        job_url=reverse("job_detail", args=[company.slug, application.job.slug]),
        status=status,
        status_label=status_label,
        score=application.score,
        steps_done=sum(step.state == StepState.SUCCEEDED for step in steps),
        steps_total=len(steps),
        step_state=current.state if current else "",
        step_state_label=StepState(current.state).label if current else "",
        charged_tokens=charged_tokens,
        created_at=application.created_at,
    )
