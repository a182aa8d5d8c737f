"""What can go wrong between a step and a model's answer to it."""

from typing import Literal

UnusableReason = Literal["empty", "truncated", "not_json", "wrong_shape"]


class ScreeningError(Exception):
    """Base of the errors of this package."""


class UnknownOperation(ScreeningError):
    """Somebody asked for a step that this package does not know."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"{operation!r} is not a screening step")
        self.operation = operation


class MissingEarlierResult(ScreeningError):
    """A step was asked for before the step whose result it builds on."""

    def __init__(self, operation: str, needed: str) -> None:
        super().__init__(f"{operation} needs the result of {needed}")
        self.operation = operation
        self.needed = needed


class UnusableAnswer(ScreeningError):
    """A model answered, and its answer cannot be used.

    ``detail`` says where the answer departs from the schema and never repeats what it contains: it may be logged.
    """

    def __init__(self, operation: str, reason: UnusableReason, detail: str = "") -> None:
        super().__init__(f"{operation}: {reason}{': ' if detail else ''}{detail}")
        self.operation = operation
        self.reason = reason
        self.detail = detail
