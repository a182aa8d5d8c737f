"""The audit beside plain SQL sums over the same rows."""

import resource
import time
from collections.abc import Callable

from django.db import connection

from benchmarks.report import AuditRun
from tokens.selectors.audit import audit_ledger

# One pass over each of the large tables that the audit reads.
_PLAIN = (
    "SELECT company_id, count(*), sum(charged_tokens), sum(debt_tokens) FROM tokens_usage_log GROUP BY company_id",
    "SELECT company_id, allocation_id, count(*), sum(delta_tokens) FROM tokens_ledger_entry GROUP BY 1, 2",
    "SELECT company_id, state, count(*), sum(held_tokens), sum(charged_tokens) FROM tokens_hold GROUP BY 1, 2",
    "SELECT state, count(*) FROM tokens_attempt GROUP BY state",
    "SELECT company_id, count(*), max(created_at) FROM tokens_idempotency_key GROUP BY company_id",
    "SELECT allocation_id, count(*), sum(tokens) FROM tokens_hold_part GROUP BY allocation_id",
)
_REPEATS = 3


def measure() -> AuditRun:
    """Run both in turn and keep the fastest of each: the first of them only brings the rows into memory.

    Raises:
        RuntimeError: the audit found something; what was measured is then no ledger.
    """
    _sum_up()
    before = _peak_mb()
    turns = [(_seconds(_audit), _seconds(_sum_up)) for _ in range(_REPEATS)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tokens_usage_log")
        (usage_logs,) = cursor.fetchone()
    return AuditRun(
        usage_logs=usage_logs,
        audit_seconds=min(audit for audit, _plain in turns),
        plain_seconds=min(plain for _audit, plain in turns),
        memory_growth_mb=_peak_mb() - before,
    )


def _audit() -> None:
    broken = [check.name for check in audit_ledger() if not check.holds]
    if broken:
        raise RuntimeError(f"The audit found something: {', '.join(broken)}.")


def _sum_up() -> None:
    with connection.cursor() as cursor:
        for query in _PLAIN:
            cursor.execute(query)
            cursor.fetchall()


def _seconds(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
