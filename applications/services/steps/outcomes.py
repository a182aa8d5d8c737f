"""How the execution of a step ends. Each end is one transaction, and counts only for the worker that has the step."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from ai_gateway.calls import Answer
from ai_gateway.errors import AccessRefused
from applications.briefs import read_brief, weights_of
from applications.errors import LeaseLost
from applications.models import CV, Application, ApplicationStatus, Operation, Run, Step, StepState
from applications.screening.schemas import Scoring
from applications.screening.score import weighted_score
from applications.services.events import record_event
from tokens.models.fields import ClockTimestamp

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS = 4
MAX_REJECTED_ANSWERS = 2
UNDER_WAY_SECONDS = 10
PROVIDER_DOWN_SECONDS = 15
REFUSED_SECONDS = 60  # until a subscription or a budget is looked at again
_LONGEST_MESSAGE = 500


def finish_step(step: Step, answer: Answer, result: Mapping[str, Any]) -> None:
    """Store what a step found out and unblock the next one; after the last, the application is screened."""
    with transaction.atomic():
        _end(
            step,
            StepState.SUCCEEDED,
            result=result,
            hold_id=answer.hold_id,
            model=f"{answer.provider}/{answer.model}",
            finished_at=ClockTimestamp(),
        )
        following = Step.objects.filter(run_id=step.run_id, position=step.position + 1, state=StepState.BLOCKED)
        if not following.update(state=StepState.READY, run_after=ClockTimestamp()):
            complete_run(step.run)
    logger.info("step_succeeded", charged_tokens=answer.charged_tokens, replayed=answer.replayed)


def complete_run(run: Run) -> None:
    """Call the application screened, with the score that its points and the criteria's weights give."""
    points = run.steps.get(operation=Operation.SCORING).result
    score = weighted_score(Scoring.model_validate(points), weights_of(read_brief(run.brief)))
    Application.objects.filter(pk=run.application_id).update(status=ApplicationStatus.SCREENED, score=score)
    shown = "no score: nothing in the CV speaks about the criteria" if score is None else f"{score} of 100"
    record_event(application_id=run.application_id, kind="screened", text=f"Screened: {shown}.")


def fail_step(step: Step, code: str, message: str, *, is_charged: bool = False) -> None:
    """End a step that repeating will not help; the application then needs a person.

    ``is_charged``: the call under the step's key is over, so that a retry needs another key.
    """
    with transaction.atomic():
        _end(
            step,
            StepState.FAILED,
            finished_at=ClockTimestamp(),
            rejected_answers=F("rejected_answers") + int(is_charged),
            **_error(code, message),
        )
        note_failure(step, message)
    logger.warning("step_failed", code=code, is_charged=is_charged)


def note_failure(step: Step, message: str) -> None:
    """Say on the application that somebody has to look at it."""
    application_id = step.run.application_id
    Application.objects.filter(pk=application_id).update(status=ApplicationStatus.NEEDS_ATTENTION)
    text = f"{Operation(step.operation).label} failed: {message}"
    record_event(application_id=application_id, kind="step_failed", text=text)


def fail_unreadable(step: Step, code: str, message: str) -> None:
    """End a step whose CV cannot be read, and say so on the CV."""
    with transaction.atomic():
        CV.objects.filter(pk=step.run.application_id).update(**_error(code, message))
        fail_step(step, code, message)


def try_again_later(
    step: Step, code: str, message: str, *, is_charged: bool = False, tries: int = MAX_ATTEMPTS
) -> None:
    """Queue a step again, later each time; after as many executions as ``tries`` it fails."""
    if step.attempts >= tries:
        fail_step(step, code, message, is_charged=is_charged)
        return
    pause = timedelta(seconds=10 * 4 ** (step.attempts - 1))
    _end(
        step,
        StepState.READY,
        run_after=ClockTimestamp() + pause,
        rejected_answers=F("rejected_answers") + int(is_charged),
        **_error(code, message),
    )
    logger.warning("step_put_off", code=code, pause_seconds=pause.total_seconds())


def reject_answer(step: Step, code: str, message: str) -> None:
    """Ask again at once, as a new call, after an answer that cannot be used; not without end, for each is charged."""
    if step.rejected_answers >= MAX_REJECTED_ANSWERS:
        fail_step(step, code, message, is_charged=True)
        return
    _end(step, StepState.READY, rejected_answers=F("rejected_answers") + 1, **_error(code, message))
    logger.warning("answer_rejected", code=code)


def wait_for_tokens(step: Step, refusal: AccessRefused) -> None:
    """Let a step wait until its company may make the call; that was no attempt."""
    is_balance = refusal.reason in {"no_tokens_remaining", "insufficient_tokens"}
    pause = timedelta(seconds=0 if is_balance else REFUSED_SECONDS)
    _end(
        step,
        StepState.WAITING_FOR_TOKENS,
        attempts=F("attempts") - 1,
        needed_tokens=refusal.needed_tokens,
        run_after=ClockTimestamp() + pause,
        **_error(refusal.reason, refusal.message),
    )
    logger.info("step_waits_for_tokens", reason=refusal.reason, needed_tokens=refusal.needed_tokens)


def hold_back(step: Step) -> None:
    """Let a step wait for room under its job's daily cap; that was no attempt."""
    _end(step, StepState.WAITING_FOR_CAP, attempts=F("attempts") - 1)
    logger.info("step_held_back")


def put_off(step: Step) -> None:
    """Look again soon at a step whose call is under way under a worker that is gone; that was no attempt."""
    soon = timedelta(seconds=UNDER_WAY_SECONDS)
    _end(step, StepState.READY, attempts=F("attempts") - 1, run_after=ClockTimestamp() + soon)
    logger.info("step_put_off", code="call_under_way")


def wait_for_provider(step: Step, code: str, message: str) -> None:
    """Look again soon at a step whose provider is known to be down: nothing was sent, so that was no attempt."""
    soon = timedelta(seconds=PROVIDER_DOWN_SECONDS)
    attempts = F("attempts") - 1
    _end(step, StepState.READY, attempts=attempts, run_after=ClockTimestamp() + soon, **_error(code, message))
    logger.warning("step_put_off", code=code, pause_seconds=PROVIDER_DOWN_SECONDS)


def give_back(step: Step) -> None:
    """Queue a step again whose worker is being stopped; that was no attempt."""
    _end(step, StepState.READY, attempts=F("attempts") - 1, run_after=ClockTimestamp())
    logger.info("step_given_back")


def _end(step: Step, state: StepState, **changes: Any) -> None:
    """Write how an execution ended.

    Raises:
        LeaseLost: somebody else has the step by now; nothing was written.
    """
    mine = Step.objects.filter(pk=step.pk, state=StepState.RUNNING, started_at=step.started_at)
    if not mine.update(state=state, lease_expires_at=None, **changes):
        raise LeaseLost


def _error(code: str, message: str) -> dict[str, str]:
    return {"error_code": code, "error_message": message[:_LONGEST_MESSAGE]}
