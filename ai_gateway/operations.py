"""What each operation may write, and for how long it may run."""

from dataclasses import dataclass

from django.conf import settings


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
}
_DEFAULT = OperationLimits(2_000, 500)


def limits_of(operation: str) -> OperationLimits:
    """Return the output limits of ``operation``: a hold rests on them, so every request carries one."""
    return _LIMITS.get(operation, _DEFAULT)


def timeout_seconds() -> int:
    """Return how long one attempt may take."""
    return int(settings.AI_CALL_TIMEOUT_SECONDS)


def lease_seconds() -> int:
    """Return how long a hold lives from an attempt's start: the attempt, a pause before it, and time to settle."""
    return timeout_seconds() + 60
