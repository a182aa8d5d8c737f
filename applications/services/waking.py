"""Tell the workers that there is something to do."""

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)

_TASK = "applications.tasks.run_steps"


def wake_workers() -> None:
    """Send a wake-up, if the broker can be reached at once.

    Nothing depends on it: what is to be done stands in the database, and beat wakes the workers every few seconds.
    """
    try:
        current_app.send_task(_TASK, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("wake_up_not_sent", error=type(error).__name__)
