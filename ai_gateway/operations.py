"""What each operation may write, and for how long it may run."""

from dataclasses import dataclass

from django.conf import settings

API_OPERATION = "api"  # what developers ask for over HTTP
_SECONDS_TO_SETTLE = 60


@dataclass(frozen=True)
class OperationLimits:
    """Output tokens of one operation: what is asked for, and the least an answer is of any use with."""

    output_tokens: int
    minimum_output_tokens: int


_LIMITS = {
    "cv_parse": OperationLimits(6_000, 1_500),
    "cv_analyze": OperationLimits(4_000, 1_500),
    "scoring": OperationLimits(3_000, 1_000),
    "decision": OperationLimits(2_000, 600),
    "question_generation": OperationLimits(3_000, 800),
    "video_interview": OperationLimits(4_000, 500),
    API_OPERATION: OperationLimits(4_000, 16),  # when a developer's request names no limit
}
_DEFAULT = OperationLimits(2_000, 500)


def limits_of(operation: str) -> OperationLimits:
    """Return the output limits of ``operation``: a hold rests on them, so every request carries one.

    ``AI_OUTPUT_TOKENS`` overrides what is asked for; the least is never more than that.
    """
    limits = _LIMITS.get(operation, _DEFAULT)
    output = settings.AI_OUTPUT_TOKENS.get(operation)
    return OperationLimits(output, min(limits.minimum_output_tokens, output)) if output else limits


def timeout_seconds(operation: str) -> int:
    """Return how long one attempt of ``operation`` may take."""
    return int(settings.AI_TIMEOUT_SECONDS.get(operation) or settings.AI_CALL_TIMEOUT_SECONDS)


def lease_seconds(operation: str) -> int:
    """Return how long a hold lives from an attempt's start: the attempt, a pause before it, and time to settle."""
    return timeout_seconds(operation) + _SECONDS_TO_SETTLE
