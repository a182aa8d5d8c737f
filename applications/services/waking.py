"""Tell the workers that there is something to do."""

import threading

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)

_TASK = "applications.tasks.run_steps"
_sending = threading.Lock()


def wake_workers() -> None:
    """Send a wake-up in the background, unless one is being sent.

    Nothing depends on it: what is to be done stands in the database, and beat wakes the workers every few seconds.
    So nobody waits for a broker that does not answer, and a request never fails for it.
    """
    if _sending.acquire(blocking=False):
        threading.Thread(target=_send, name="wake-workers", daemon=True).start()


def _send() -> None:
    try:
        current_app.send_task(_TASK, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("wake_up_not_sent", error=type(error).__name__)
    finally:
        _sending.release()
