"""Short ways to say what a test of applications does and looks at."""

from typing import Any

from django.db import connection

from applications.models import Application, Step
from applications.services.steps.working import work_off_steps
from tenants.models import Company
from tokens.models import UsageLog

OPERATIONS = ["cv_parse", "cv_analyze", "scoring", "decision"]


def work() -> None:
    """Let a worker work until there is nothing to do now."""
    assert work_off_steps(seconds=60) is False


def steps_of(application: Application) -> list[Step]:
    """Read the steps of the latest run afresh."""
    return list(application.runs.order_by("-number")[0].steps.order_by("position"))


def step_of(application: Application, operation: str = "cv_parse") -> Step:
    """Read one step of the latest run afresh."""
    return next(step for step in steps_of(application) if step.operation == operation)


def states_of(application: Application) -> list[str]:
    """Read the states of the latest run's steps."""
    return [step.state for step in steps_of(application)]


def charges(company: Company) -> list[int]:
    """Read what each call of a company was charged."""
    return list(UsageLog.objects.filter(company=company).order_by("id").values_list("charged_tokens", flat=True))


def let_lease_end(step: Step) -> None:
    """Let the worker of a step be dead for longer than its lease."""
    _shift(step, "lease_expires_at")


def let_pause_end(step: Step) -> None:
    """Let the time until a step is tried again pass."""
    _shift(step, "run_after")


def finish(application: Application, *operations: str, result: dict[str, Any] | None = None) -> None:
    """Mark steps as done without a call, and queue the one after them."""
    steps = {step.operation: step for step in steps_of(application)}
    for operation in operations:
        _set(steps[operation], state="succeeded", finished_at=steps[operation].run_after, result=result or {})
    following = next(step for step in steps_of(application) if step.state != "succeeded")
    _set(following, state="ready")


def _set(step: Step, **values: Any) -> None:
    Step.objects.filter(pk=step.pk).update(**values)


def _shift(step: Step, column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE applications_step SET {column} = clock_timestamp() - interval '1 second' WHERE id = %s", [step.pk]
        )
