"""What a worker does: step after step, until there is none."""

from time import monotonic

from applications.services.steps.claiming import claim_step
from applications.services.steps.executing import execute_step
from applications.services.steps.waiting import fail_crashed_steps, resume_waiting


def work_off_steps(*, seconds: float) -> bool:
    """Execute steps until none is left, or for about ``seconds``; returns whether there may be more.

    The bound gives a worker that is asked to stop, and other tasks, their turn.
    """
    deadline = monotonic() + seconds
    resume_waiting()
    fail_crashed_steps()
    while monotonic() < deadline:
        step = claim_step()
        if step is None:
            return False
        execute_step(step)
    return True
