"""Calls from many processes at once, on companies that have less than is asked for."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper

from tests.tokens.ledger import used
from tests.tokens.proof.processes import Settings, enter
from tests.tokens.proof.waiting import wait_until
from tokens.errors import BudgetExceeded, HoldEnded, InsufficientTokens
from tokens.services.holds import (
    Attribution,
    HoldRequest,
    PlacedHold,
    extend_hold,
    place_hold,
    release_hold,
    settle_hold,
)

_GATE = 7_406  # the number of an advisory lock that nothing else takes
SMALLEST = 5  # tokens that a call needs at least: it is refused only where less is to be had
LARGEST = 60


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one process does."""

    company_ids: Sequence[int]
    seed: int
    calls: int = 100_000
    lease_seconds: int = 60
    most_used: float = 1.0
    """The largest charge, as a share of what is held; above 1 it can leave debt."""
    extends: bool = False


@dataclass(frozen=True)
class Refusal:
    """A call that was refused, and between which two readings of the database's clock."""

    company_id: int
    asked_at: datetime
    told_at: datetime
    budget_id: UUID | None


@dataclass
class Report:
    """What one process saw."""

    held: int = 0
    charged: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def hammer(given: Settings, plan: Plan) -> Report:
    """Make calls, one after the other, until every company has refused one or the plan is done."""
    enter(given)
    wait_at_gate()
    report, chance = Report(), random.Random(plan.seed)
    open_companies = list(plan.company_ids)
    for _call in range(plan.calls):
        if not open_companies:
            break
        company_id = chance.choice(open_companies)
        try:
            if not _call_once(company_id, plan, chance, report):
                open_companies.remove(company_id)
        except DatabaseError as error:
            report.errors.append(f"{getattr(error.__cause__, 'sqlstate', '?')}: {error}")
            break
    connection.close()
    return report


def _call_once(company_id: int, plan: Plan, chance: random.Random, report: Report) -> bool:
    asked_at = _database_time()
    try:
        placed = place_hold(
            HoldRequest(
                company_id=company_id,
                operation=chance.choice(["cv_parse", "scoring"]),
                needed_tokens=chance.randint(SMALLEST, LARGEST),
                minimum_tokens=SMALLEST,
                lease_seconds=plan.lease_seconds,
                provider="sandbox",
                model="sandbox-rules-1",
                attribution=Attribution(),
            )
        )
    except (InsufficientTokens, BudgetExceeded) as refusal:
        budget_id = refusal.budget_id if isinstance(refusal, BudgetExceeded) else None
        report.refusals.append(Refusal(company_id, asked_at, _database_time(), budget_id))
        return False
    report.held += 1
    _end(placed, plan, chance, report)
    return True


def _end(placed: PlacedHold, plan: Plan, chance: random.Random, report: Report) -> None:
    try:
        if plan.extends and chance.random() < 0.3:
            extend_hold(hold_id=placed.hold_id, more_tokens=SMALLEST, lease_seconds=plan.lease_seconds)
        if chance.random() < 0.1:
            release_hold(hold_id=placed.hold_id)
            return
    except HoldEnded:
        pass  # its lease ran out: what was used is settled all the same
    tokens = round(placed.held_tokens * chance.uniform(0.2, plan.most_used))
    report.charged += settle_hold(hold_id=placed.hold_id, usages=[used(tokens)], answer=None).charged_tokens


@contextmanager
def gate() -> Iterator[Callable[[int], None]]:
    """Hold processes at their gate until the block ends; yields a function that waits until so many have come."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_GATE])
        try:
            yield lambda count: wait_until(lambda: _count_waiting(cursor) == count, what="processes at the gate")
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_GATE])


def wait_at_gate() -> None:
    """Wait until the gate opens."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_GATE])


@contextmanager
def hold_commits_at_gate(table: str) -> Iterator[None]:
    """Let every commit that has updated ``table`` wait at the gate, its work done and not yet committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION proof_wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER proof_wait_at_gate AFTER UPDATE ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION proof_wait_at_gate()
            """
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION proof_wait_at_gate CASCADE")


def _count_waiting(cursor: CursorWrapper) -> int:
    cursor.execute(
        """
        SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = %s AND NOT l.granted
        """,
        [_GATE],
    )
    return int(cursor.fetchone()[0])


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
