"""Movements in groups, from several processes, among calls that go by themselves: as exact, and nobody in a circle."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from tests.tokens.ledger import new_company, used
from tests.tokens.proof.hammer import LARGEST, SMALLEST, Plan, Report, gate, hammer, wait_at_gate
from tests.tokens.proof.mutations import Defect, put_in, restored
from tests.tokens.proof.processes import Settings, enter, pool, results, settings_for_child
from tests.tokens.proof.test_hammer import broken_laws
from tests.tokens.proof.timeline import balance_timeline
from tokens.errors import InsufficientTokens
from tokens.models import Hold, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.services import upkeep
from tokens.services.async_ledger import AsyncLedger
from tokens.services.holds import Attribution, Closing, HoldRequest

_CALLERS = 12
WAITS = Defect("waits for turns in groups", "take_turn", "IF NOT p_may_wait THEN", "IF false THEN")


def hammer_in_groups(given: Settings, plan: Plan) -> Report:
    """Do on an event loop, with many callers, what ``hammer`` does with one."""
    enter(given)
    wait_at_gate()
    report = Report()
    asyncio.run(_call_from_many(plan, report))
    connection.close()
    return report


async def _call_from_many(plan: Plan, report: Report) -> None:
    ledger = AsyncLedger(connections_at_most=4)
    await ledger.open()
    callers = (_Caller(ledger, plan, random.Random(f"{plan.seed} {number}"), report) for number in range(_CALLERS))
    await asyncio.gather(*(caller.call_until_refused() for caller in callers))
    await ledger.close()


class _Caller:
    def __init__(self, ledger: AsyncLedger, plan: Plan, chance: random.Random, report: Report) -> None:
        self._ledger, self._plan, self._chance, self._report = ledger, plan, chance, report

    async def call_until_refused(self) -> None:
        open_companies = list(self._plan.company_ids)
        for _call in range(self._plan.calls):
            if not open_companies:
                return
            company_id = self._chance.choice(open_companies)
            try:
                await self._call(company_id)
            except InsufficientTokens:
                open_companies.remove(company_id)

    async def _call(self, company_id: int) -> None:
        placed = await self._ledger.place_hold(
            HoldRequest(
                company_id=company_id,
                operation="api",
                needed_tokens=self._chance.randint(SMALLEST, LARGEST),
                minimum_tokens=SMALLEST,
                lease_seconds=self._plan.lease_seconds,
                provider="sandbox",
                model="sandbox-rules-1",
                attribution=Attribution(),
            )
        )
        self._report.held += 1
        settlement = await self._ledger.close_or_spool(self._closing(placed.hold_id, placed.held_tokens))
        if settlement is None:
            self._report.errors.append(f"{placed.hold_id} was not closed")
        else:
            self._report.charged += settlement.charged_tokens

    def _closing(self, hold_id: UUID, held_tokens: int) -> Closing:
        if self._chance.random() < 0.1:
            return Closing.releasing(hold_id)
        return Closing.settling(hold_id, [used(round(held_tokens * self._chance.uniform(0.2, 1)))], None)


def run(company_ids: Sequence[int], tmp_path: Any, *, calls: int = 100_000) -> list[Report]:
    """Two processes whose calls go in groups, and two whose calls do not, with the sweeper at work."""
    given = settings_for_child(SPOOL_DIR=tmp_path)
    work = [hammer_in_groups, hammer_in_groups, hammer, hammer]
    with pool(len(work)) as processes:
        with gate() as wait_for:
            running = [
                processes.submit(task, given, Plan(company_ids=company_ids, seed=seed, calls=calls))
                for seed, task in enumerate(work)
            ]
            wait_for(len(work))
        while not all(future.done() for future in running):
            upkeep.expire_holds()
    return results(running)


def count_deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("companies", "tokens"), [(1, 5_000), (12, 1_000), pytest.param(40, 5_000, marks=pytest.mark.slow)]
)
def test_groups_spend_all_that_is_there_and_no_more(committed_db, tmp_path, companies, tokens):
    ids = [new_company(tokens=tokens, slug=f"company-{place}").pk for place in range(companies)]
    deadlocks = count_deadlocks()

    reports = run(ids, tmp_path)

    assert [error for report in reports for error in report.errors] == []
    for company_id in ids:
        balance = balance_timeline(company_id)
        assert balance.lowest >= 0
        assert 0 <= balance.last == get_balance(company_id).available_tokens < SMALLEST
    charged = -sum(LedgerEntry.objects.filter(kind="usage").values_list("delta_tokens", flat=True))
    assert charged == sum(report.charged for report in reports)
    assert Hold.objects.count() == sum(report.held for report in reports)
    assert Hold.objects.filter(state="open").count() == 0
    if companies > 1:  # a single one is nearly always busy: four processes move its tokens
        assert UsageLog.objects.values("xact_id").distinct().count() < UsageLog.objects.count()
    assert broken_laws() == []
    assert count_deadlocks() == deadlocks


@pytest.mark.slow
def test_groups_that_waited_for_turns_would_wait_in_circles(committed_db, tmp_path):
    """The control: what the test above counts happens when a group waits."""
    ids = [new_company(tokens=100_000, slug=f"company-{place}").pk for place in range(12)]
    deadlocks = count_deadlocks()

    with restored("tokens_take_turn"):
        put_in(WAITS)
        run(ids, tmp_path, calls=20)

    assert count_deadlocks() > deadlocks
    assert broken_laws() == []
