"""Wait for what another process or connection does."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.005


def wait_until(happened: Callable[[], Any], *, what: str) -> Any:
    """Return the first true value that ``happened`` returns.

    Raises:
        AssertionError: it did not happen.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(_PAUSE_SECONDS)
    raise AssertionError(f"waited {_PATIENCE_SECONDS:.0f} s in vain: {what}")


def wait_for_blocked_backend(statement: str, *, but: int = 0) -> int:
    """Return the process id of the backend, another than ``but``, that waits for a lock in such a statement."""

    def find() -> int | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                " AND query LIKE %s AND pid <> %s",
                [f"%{statement}%", but],
            )
            row = cursor.fetchone()
        return row[0] if row else None

    return int(wait_until(find, what=f"a backend blocked in {statement}"))
