"""Wake-ups of the workers. What is to be done stands in the table of steps."""

from celery import shared_task

from applications.services.steps.working import work_off_steps

SECONDS_PER_TURN = 5.0  # a worker that is asked to stop ends its turn first, so turns are short


@shared_task
def run_steps() -> None:
    """Execute steps for a while, and ask for another turn when there may be more."""
    if work_off_steps(seconds=SECONDS_PER_TURN):
        run_steps.delay()
