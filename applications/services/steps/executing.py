"""Execute one claimed step, and see to it that it ends in one of the known ways."""

from contextlib import suppress

import structlog
from django.db import DatabaseError
from structlog.contextvars import bound_contextvars

from ai_gateway.errors import AccessRefused, CallFailed, CallUnderWay, GatewayError
from ai_gateway.providers.errors import ProviderCircuitOpen
from applications.errors import ApplicationsError, CVUnavailable, LeaseLost
from applications.extraction import ExtractionError
from applications.models import Operation, Step
from applications.screening.errors import ScreeningError, UnusableAnswer
from applications.services.steps import outcomes
from applications.services.steps.asking import ask
from applications.services.steps.caps import admit_run
from applications.services.steps.claiming import keep_lease
from applications.services.steps.reading import read_cv
from tokens.errors import AnswerExpired, KeyInUse, LedgerError

logger = structlog.get_logger(__name__)

READING_ATTEMPTS = 2  # of a file that ran into a limit: a hostile one always will
_UNUSABLE = {
    "empty": "AI gave an empty answer.",
    "truncated": "AI's answer was cut off before its end.",
}


def execute_step(step: Step) -> None:
    """Execute a step that was claimed. What goes wrong is written on the step; only a lost database is raised."""
    names = {"step_id": str(step.pk), "application_id": str(step.run.application_id), "company_id": step.company_id}
    with bound_contextvars(**names, operation=step.operation), keep_lease(step):
        logger.info("step_started", attempt=step.attempts)
        try:
            _execute(step)
        except LeaseLost:
            logger.warning("step_taken_over")
        except DatabaseError:
            raise  # nothing can be written; the step is claimed again after its lease
        except Exception:
            logger.exception("step_crashed")
            message = "Something went wrong inside Winnow. It was logged."
            with suppress(LeaseLost):
                outcomes.try_again_later(step, "internal_error", message)
        except BaseException:  # the worker is being stopped
            with suppress(Exception):
                outcomes.give_back(step)
            raise


def _execute(step: Step) -> None:
    """Read, admit, ask, store: the way of a step when all goes well."""
    try:
        if step.operation == Operation.CV_PARSE:
            read_cv(step.run.application.cv)
        if not admit_run(step.run):
            outcomes.hold_back(step)
            return
        answer, result = ask(step)
    except (ApplicationsError, ExtractionError, ScreeningError, GatewayError, LedgerError) as error:
        _end_without_result(step, error)
    else:
        outcomes.finish_step(step, answer, result)


def _end_without_result(step: Step, error: Exception) -> None:
    """Turn what went wrong into the step's outcome; what is not named here is a defect, and raised."""
    match error:
        case ExtractionError():
            _end_unreadable(step, error)
        case CVUnavailable():
            outcomes.fail_unreadable(step, "cv_unavailable", str(error))
        case AccessRefused():
            outcomes.wait_for_tokens(step, error)
        case CallUnderWay():
            outcomes.put_off(step)
        case CallFailed(code=ProviderCircuitOpen.code, hold_id=None):
            outcomes.wait_for_provider(step, error.code, error.message)
        case CallFailed():
            end = outcomes.try_again_later if error.retryable else outcomes.fail_step
            end(step, error.code, error.message, is_charged=error.charged_tokens > 0)
        case UnusableAnswer():
            _end_rejected(step, error)
        case KeyInUse() | AnswerExpired():
            # The call was made before an update changed the question, or so long ago that its answer is gone.
            outcomes.reject_answer(step, "answer_lost", "AI's earlier answer cannot be used any more.")
        case _:
            raise error


def _end_rejected(step: Step, error: UnusableAnswer) -> None:
    logger.warning("answer_unusable", reason=error.reason, detail=error.detail)
    message = _UNUSABLE.get(error.reason, "AI answered, but not in the form that was asked for.")
    outcomes.reject_answer(step, f"answer_{error.reason}", message)


def _end_unreadable(step: Step, error: ExtractionError) -> None:
    logger.warning("cv_unreadable", code=error.code, detail=error.detail)
    if error.is_transient and step.attempts < READING_ATTEMPTS:
        outcomes.try_again_later(step, error.code, error.message, tries=READING_ATTEMPTS)
    else:
        outcomes.fail_unreadable(step, error.code, error.message)
