"""Claim steps, and keep what was claimed while it is executed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connection

from applications.models import Step
from applications.sql.steps import CLAIM_STEP, RENEW_LEASE

logger = structlog.get_logger(__name__)

LEASE_SECONDS = 60
RENEW_EVERY_SECONDS = 15
MAX_CRASHES = 5
CLAIMING_AT_ONCE = 20  # workers that may claim at the very same moment; a further one comes again seconds later


def claim_step() -> Step | None:
    """Take the next step to execute, or None when there is none; it counts as running until its lease ends.

    One statement: two workers never take the same step. A step whose worker died is taken again after its lease.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM_STEP,
            {"lease_seconds": LEASE_SECONDS, "max_crashes": MAX_CRASHES, "workers": CLAIMING_AT_ONCE},
        )
        row = cursor.fetchone()
    if row is None:
        return None
    step = Step.objects.select_related("run__application__job", "run__application__cv", "company").get(pk=row[0])
    step.started_at = row[1]
    return step


@contextmanager
def keep_lease(step: Step) -> Iterator[None]:
    """Renew the lease of ``step`` while the block runs, however long AI takes.

    So a lease can be short, and the step of a worker that was killed is taken over soon.
    """
    done = threading.Event()
    renewing = threading.Thread(target=_renew_until, args=(done, step), name=f"lease-{step.pk}", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()


def renew_lease(step: Step) -> bool:
    """Renew the lease once; False when somebody else has the step by now."""
    with connection.cursor() as cursor:
        parameters = {"step_id": step.pk, "started_at": step.started_at, "lease_seconds": LEASE_SECONDS}
        cursor.execute(RENEW_LEASE, parameters)
        return bool(cursor.rowcount)


def _renew_until(done: threading.Event, step: Step) -> None:
    while not done.wait(RENEW_EVERY_SECONDS):
        try:
            if not renew_lease(step):
                return
        except DatabaseError as error:  # the next beat may reach it again
            logger.warning("lease_not_renewed", error=type(error).__name__)
        finally:
            connection.close()  # this thread's own
