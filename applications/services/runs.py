"""Start a run of the four steps over an application, and retry a step of one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction

from applications.briefs import write_brief
from applications.errors import CannotStartThere, RunUnderWay, StepNotRetryable
from applications.models import CV, Application, ApplicationStatus, Operation, Run, Step, StepState
from applications.services.events import record_event
from applications.services.waking import wake_workers
from tenants.models import User
from tokens.models.fields import ClockTimestamp

_ORDER = tuple(Operation)
_ENDED = (StepState.SUCCEEDED, StepState.FAILED)


def add_first_run(application: Application) -> Run:
    """Queue the four steps of a new application. Inside the transaction that stores it; workers are woken after it."""
    return _add_run(application, number=1, first=Operation.CV_PARSE)


def start_run(*, application: Application, acting: User | None, number: int, reason: str, from_operation: str) -> Run:
    """Screen an application once more ("re-sieve"), by the job as it is now, and keep the runs before.

    Steps before ``from_operation`` keep their results from the latest run and cost nothing. ``number`` is the number
    that the new run is to have: asked for twice, by a double click or by two people, it is started once.

    Raises:
        RunUnderWay: the latest run has not ended.
        CannotStartThere: a step before ``from_operation`` has no result.
    """
    first = Operation(from_operation)
    with transaction.atomic():
        locked = Application.objects.select_for_update(no_key=True).get(pk=application.pk)
        latest = locked.runs.order_by("number").last()
        if latest is not None and latest.number >= number:
            return locked.runs.get(number=number)
        kept = _results_before(first, latest)
        following = 1 if latest is None else latest.number + 1
        run = _add_run(locked, number=following, first=first, kept=kept, reason=reason, started_by=acting)
        Application.objects.filter(pk=locked.pk).update(status=ApplicationStatus.SCREENING)
        text = f"Screened again from “{first.label}”" + (f": {reason}" if reason else ".")
        record_event(application_id=locked.pk, kind="resieved", text=text, actor=acting)
    return run


def retry_step(*, step: Step, acting: User) -> None:
    """Queue a failed step again, with as many attempts as a new one; a CV that could not be read is read anew.

    Raises:
        StepNotRetryable: it has not failed, or its run is not the latest. Nothing was changed.
    """
    with transaction.atomic():
        locked = Step.objects.select_for_update(no_key=True, of=("self",)).select_related("run").get(pk=step.pk)
        is_latest = not Run.objects.filter(
            application_id=locked.run.application_id, number__gt=locked.run.number
        ).exists()
        if locked.state != StepState.FAILED or not is_latest:
            raise StepNotRetryable
        _queue_again(locked)
        text = f"{Operation(locked.operation).label} is tried again."
        record_event(application_id=locked.run.application_id, kind="step_retried", text=text, actor=acting)
        transaction.on_commit(wake_workers)


def _queue_again(step: Step) -> None:
    Step.objects.filter(pk=step.pk).update(
        state=StepState.READY,
        attempts=0,
        run_after=ClockTimestamp(),
        finished_at=None,
        error_code="",
        error_message="",
    )
    applications = Application.objects.filter(pk=step.run.application_id)
    applications.update(status=ApplicationStatus.SCREENING)
    CV.objects.filter(application_id=step.run.application_id).update(error_code="", error_message="")


def _results_before(first: Operation, latest: Run | None) -> Mapping[Operation, Step]:
    """Return the finished steps that a run starting at ``first`` takes over."""
    steps = {} if latest is None else {step.operation: step for step in latest.steps.all()}
    if any(step.state not in _ENDED and step.state != StepState.BLOCKED for step in steps.values()):
        raise RunUnderWay
    wanted = _ORDER[: _ORDER.index(first)]
    kept = {operation: steps[operation] for operation in wanted if operation in steps}
    if len(kept) < len(wanted) or any(step.state != StepState.SUCCEEDED for step in kept.values()):
        raise CannotStartThere(first)
    return kept


def _add_run(
    application: Application,
    *,
    number: int,
    first: Operation,
    kept: Mapping[Operation, Step] | None = None,
    **about: Any,
) -> Run:
    run = Run.objects.create(
        company_id=application.company_id,
        application=application,
        number=number,
        brief=write_brief(application.job),
        **about,
    )
    make = partial(_make_step, run, first, kept or {})
    Step.objects.bulk_create(make(position, operation) for position, operation in enumerate(_ORDER, start=1))
    transaction.on_commit(wake_workers)
    return run


def _make_step(run: Run, first: Operation, kept: Mapping[Operation, Step], position: int, operation: Operation) -> Step:
    """Make one step of a run: taken over from the run before, the first to execute, or blocked behind it."""
    step = Step(company_id=run.company_id, run=run, operation=operation, position=position)
    source = kept.get(operation)
    if source is not None:
        step.state, step.result, step.model = StepState.SUCCEEDED, source.result, source.model
        step.finished_at = source.finished_at
    elif operation == first:
        step.state = StepState.READY
    return step
