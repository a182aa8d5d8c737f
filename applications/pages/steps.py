"""The stepper of an application: where each step stands, what it cost, and what to do when it is stuck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from ai_gateway.disclosure import is_sandbox_model
from applications.models import Application, ApplicationStatus, Job, Operation, Run, Step, StepState
from applications.selectors.usage import StepUsage

_SHOWN_STATES = {
    StepState.BLOCKED: "waiting",
    StepState.READY: "waiting",
    StepState.WAITING_FOR_CAP: "held_back",
}
_ACTIVE_STATES = {StepState.READY, StepState.RUNNING}


@dataclass(frozen=True)
class StepRow:
    """One step. Numbers are None where there is nothing to count: no call was made, or it was taken over."""

    number: int
    label: str
    state: str
    state_label: str
    message: str
    model: str
    is_sandbox: bool
    attempt: int | None
    seconds: float | None
    input_tokens: int | None
    output_tokens: int | None
    charged_tokens: int | None
    cost_usd: Decimal | None
    retry_url: str | None

    @property
    def was_charged(self) -> bool:
        """Whether the step has cost tokens, with or without a result."""
        return bool(self.charged_tokens)


@dataclass(frozen=True)
class Progress:
    """How far a run is. ``active``: something may change within seconds; waiting for tokens or tomorrow is not."""

    done: int
    total: int
    elapsed_seconds: float
    active: bool
    is_waiting_for_tokens: bool = False

    @property
    def poll_seconds(self) -> int | None:
        """How often to look for news: tokens may arrive any moment, tomorrow does not."""
        if self.active:
            return 2
        return 15 if self.is_waiting_for_tokens else None


def step_rows(
    steps: Sequence[Step], usage: Mapping[UUID, StepUsage], *, job: Job, company_slug: str, can_retry: bool
) -> list[StepRow]:
    """Make the rows of one run's steps."""
    return [_step_row(step, usage.get(step.pk), job, company_slug, can_retry=can_retry) for step in steps]


def progress_of(run: Run, steps: Sequence[Step]) -> Progress:
    """Tell how far a run is, and how long it took so far or in all."""
    is_active = any(step.state in _ACTIVE_STATES for step in steps)
    ends = [step.finished_at for step in steps if step.finished_at]
    until = timezone.now() if is_active or not ends else max(ends)
    return Progress(
        done=sum(step.state == StepState.SUCCEEDED for step in steps),
        total=len(steps),
        elapsed_seconds=max(0.0, (until - run.created_at).total_seconds()),
        active=is_active,
        is_waiting_for_tokens=any(step.state == StepState.WAITING_FOR_TOKENS for step in steps),
    )


def shown_status(application: Application, *, is_waiting_for_tokens: bool) -> tuple[str, str]:
    """Return an application's status and its name; one that waits for tokens says so."""
    shown = StepState.WAITING_FOR_TOKENS if is_waiting_for_tokens else ApplicationStatus(application.status)
    return str(shown), str(shown.label)


def _step_row(step: Step, usage: StepUsage | None, job: Job, company_slug: str, *, can_retry: bool) -> StepRow:
    state = StepState(step.state)
    is_failed = state == StepState.FAILED
    return StepRow(
        number=step.position,
        label=Operation(step.operation).label,
        state=_SHOWN_STATES.get(state, str(state)),
        state_label=state.label,
        message=_message(step, job),
        model=step.model.partition("/")[2],
        is_sandbox=is_sandbox_model(step.model),
        attempt=step.attempts or None,
        seconds=_seconds(step),
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        charged_tokens=usage.charged_tokens if usage else None,
        cost_usd=usage.cost_usd if usage else None,
        retry_url=reverse("step_retry", args=[company_slug, step.pk]) if is_failed and can_retry else None,
    )


def _seconds(step: Step) -> float | None:
    """Return how long the latest execution took, or has taken until now."""
    if step.started_at is None:
        return None
    until = timezone.now() if step.state == StepState.RUNNING else step.finished_at
    return None if until is None else max(0.0, (until - step.started_at).total_seconds())


def _message(step: Step, job: Job) -> str:
    """Say why a step does not go on, and what has to happen; empty when all is well."""
    cause = step.error_message
    if step.state == StepState.WAITING_FOR_CAP:
        limit = f"Today's limit of {job.daily_ai_cap:,} applications for this job is reached."
        return f"{limit} It continues by itself tomorrow, or when the limit is raised."
    if step.state == StepState.WAITING_FOR_TOKENS:
        return f"{cause} It continues by itself as soon as that has changed."
    if step.state == StepState.READY and cause:
        return f"{cause} It is tried again by itself."
    return cause if step.state == StepState.FAILED else ""
