"""Mend what the audit finds, where there is a mend: counters from entries, missing entries by compensating ones.

Nothing that was written is changed: the ledger is mended by new rows with an actor and a reason. A repair computes what
is off afresh under the account's lock, so that it can run while calls are made and a second run finds nothing to do.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from django.db import transaction

from tokens.models import AuditRun
from tokens.selectors.audit import CheckResult, Finding, audit_tracking
from tokens.services import upkeep
from tokens.services.statement import run
from tokens.sql.calls import ENTER_MISSING, REBUILD_COUNTERS

Repair = Callable[[Sequence[Finding], int | None], int]


def rebuild_counters(findings: Sequence[Finding], _actor_id: int | None) -> int:
    """Set the counters of the companies concerned to what their entries and holds say; returns rows changed."""
    companies = sorted({finding.company_id for finding in findings if finding.company_id is not None})
    return sum(run(REBUILD_COUNTERS, {"company_id": company_id})[0] for company_id in companies)


def enter_missing(findings: Sequence[Finding], actor_id: int | None) -> int:
    """Compensate charges whose entries do not add up; returns how many."""
    entered = [run(ENTER_MISSING, {"usage_log_id": finding.subject, "actor_id": actor_id})[0] for finding in findings]
    return len(entered)


def expire_overdue(_findings: Sequence[Finding], _actor_id: int | None) -> int:
    """Give back holds past their lease, as the sweeper would; returns how many."""
    return upkeep.expire_holds()


_repairs: dict[str, Repair] = {
    "counters_equal_entries": rebuild_counters,
    "held_equals_open_holds": rebuild_counters,
    "balance_equals_entries": rebuild_counters,
    "budgets_equal_their_scope": rebuild_counters,
    "charges_are_accounted_for": enter_missing,
    "holds_end_after_their_lease": expire_overdue,
}


def register_repair(check: str, repair: Repair) -> None:
    """Let an app above mend what a check of its own finds."""
    _repairs[check] = repair


def find_repair(check: str) -> Repair | None:
    """Find the repair of a check, or None when what it finds needs a person."""
    return _repairs.get(check)


def record_audit() -> Sequence[CheckResult]:
    """Audit all companies and keep the outcome for the staff page; the last 200 are kept."""
    began = time.monotonic()
    results = audit_tracking()
    with transaction.atomic():
        AuditRun.objects.create(
            seconds=round(time.monotonic() - began, 3),
            broken_checks=sum(not result.holds for result in results),
            results=[asdict(result) for result in results],
        )
        AuditRun.objects.exclude(pk__in=AuditRun.objects.order_by("-pk").values("pk")[:200]).delete()
    return results
