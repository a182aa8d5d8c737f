"""What applications refuse, and what the caller needs to know about it."""

from dataclasses import dataclass


class ApplicationsError(Exception):
    """Base of this app's errors."""


class JobClosed(ApplicationsError):
    """The job takes no applications any more. Nothing was stored."""


class StepNotRetryable(ApplicationsError):
    """The step did not fail, or a later run has replaced its run."""


class RunUnderWay(ApplicationsError):
    """The application is being screened; another run can start when this one has ended."""


@dataclass
class CannotStartThere(ApplicationsError):
    """A run cannot start at this step, because the steps before it have no results yet."""

    operation: str

    def __str__(self) -> str:
        return f"The steps before {self.operation} have no results yet."


class CVUnavailable(ApplicationsError):
    """The file or its text is gone: erased, or missing from the storage."""


class LeaseLost(ApplicationsError):
    """Another worker has taken the step over, so this one's outcome does not count."""
