"""Many processes at once: nobody is refused what is there, nothing is spent that is not, nobody waits in a circle."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from tests.tokens.ledger import new_company
from tests.tokens.proof.hammer import SMALLEST, Plan, Report, gate, hammer
from tests.tokens.proof.mutations import Defect, put_in, restored
from tests.tokens.proof.processes import pool, results, settings_for_child
from tests.tokens.proof.timeline import Timeline, balance_timeline, budget_timeline
from tokens.models import BudgetPeriod, BudgetScope, Hold, LedgerEntry
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import create_budget

LOCK = "account := tokens_take_turn(p_company_id, p_may_wait);"
NO_LOCK = "SELECT * INTO account FROM tokens_account WHERE company_id = p_company_id;"
# Between deed and commit, so that the decision of another process falls there unless a lock keeps it out.
DONE = "    INSERT INTO tokens_attempt ("
PAUSED = Defect("takes its time", "place_hold", DONE, "    PERFORM pg_sleep(0.005);\n" + DONE)
UNLOCKED = Defect("takes no lock", "place_hold", LOCK, NO_LOCK)
STINGY = Defect("refuses what is there", "place_hold", "amount < p_minimum_tokens OR", "amount < 50 OR")
STINGY_BUDGET = Defect(
    "refuses what budgets allow", "place_hold", "amount < greatest(0, p_minimum_tokens)", "amount < 50"
)
# The sweeper's locks in another order than the settlement's: the hold's row first, then the allocation's.
CROSSING = (
    Defect(
        "locks no account", "expire_hold", "WHERE h.id = p_hold_id FOR NO KEY UPDATE OF a;", "WHERE h.id = p_hold_id;"
    ),
    Defect(
        "takes its time",
        "expire_hold",
        "    RETURNING * INTO ended;\n",
        "    RETURNING * INTO ended;\n    PERFORM pg_sleep(0.05);\n",
    ),
)
NOT_OVERDRAWN = "tokens_allocation_is_sound"


def run(plans: list[Plan]) -> list[Report]:
    """Let one process per plan do its worst, with the sweeper at work and the books audited meanwhile."""
    given = settings_for_child()
    with pool(len(plans)) as processes:
        with gate() as wait_for:
            running = [processes.submit(hammer, given, plan) for plan in plans]
            wait_for(len(plans))
        while not all(future.done() for future in running):
            upkeep.expire_holds()
            assert broken_laws() == []
    return results(running)


def broken_laws() -> list[str]:
    return [result.name for result in audit_ledger() if not result.holds]


def unjustified(reports: list[Report]) -> list[tuple[int, int]]:
    """List refusals (company, least that was to be had meanwhile) although there was enough for the smallest hold."""
    refusals = [refusal for report in reports for refusal in report.refusals]
    timelines: dict[object, Timeline] = {}
    for refusal in refusals:
        if refusal.budget_id and refusal.budget_id not in timelines:
            timelines[refusal.budget_id] = budget_timeline(refusal.budget_id)
        if refusal.company_id not in timelines:
            timelines[refusal.company_id] = balance_timeline(refusal.company_id)
    found = []
    for refusal in refusals:
        timeline = timelines[refusal.budget_id or refusal.company_id]
        least = timeline.lowest_between(refusal.asked_at, refusal.told_at)
        if least >= SMALLEST:
            found.append((refusal.company_id, least))
    return found


def hammer_companies(*, companies: int, tokens: int, processes: int) -> tuple[list[int], list[Report]]:
    """Ask for more than there is, of companies whose every other one is bounded by budgets more than by its balance."""
    ids = []
    for place in range(companies):
        company = new_company(tokens=tokens, slug=f"company-{place}")
        limit = tokens * 2 // 3 if place % 2 else tokens * 2
        create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.TOTAL, limit_tokens=limit)
        create_budget(
            company_id=company.pk,
            scope=BudgetScope.OPERATION,
            scope_id="scoring",
            period=BudgetPeriod.MONTH,
            limit_tokens=tokens * 2,
        )
        ids.append(company.pk)
    return ids, run([Plan(company_ids=ids, seed=seed) for seed in range(processes)])


@pytest.mark.parametrize(
    ("companies", "tokens", "processes"),
    [
        (1, 1_500, 4),
        (8, 300, 4),
        pytest.param(1, 120_000, 8, marks=pytest.mark.slow),
        pytest.param(100, 2_500, 8, marks=pytest.mark.slow),
    ],
)
def test_demand_above_supply_spends_all_that_is_there_and_no_more(committed_db, companies, tokens, processes):
    ids, reports = hammer_companies(companies=companies, tokens=tokens, processes=processes)

    assert [error for report in reports for error in report.errors] == []
    assert unjustified(reports) == []
    for place, company_id in enumerate(ids):
        balance, left = balance_timeline(company_id), get_balance(company_id).available_tokens
        assert balance.lowest >= 0
        assert left == balance.last
        in_budget = tokens * 2 // 3 - (tokens - left) if place % 2 else left
        assert 0 <= in_budget < SMALLEST
    charged = -sum(LedgerEntry.objects.filter(kind="usage").values_list("delta_tokens", flat=True))
    assert charged == sum(report.charged for report in reports)
    assert Hold.objects.filter(state="open").count() == 0
    assert broken_laws() == []


@pytest.mark.parametrize(("companies", "calls"), [(2, 60), pytest.param(20, 2_000, marks=pytest.mark.slow)])
def test_leases_that_run_out_and_charges_above_the_hold_leave_the_books_in_order(committed_db, companies, calls):
    ids = [new_company(tokens=calls * 60, slug=f"company-{place}").pk for place in range(companies)]

    reports = run(
        [
            Plan(company_ids=ids, seed=seed, calls=calls, lease_seconds=0, most_used=2.0, extends=True)
            for seed in range(4)
        ]
    )

    assert [error for report in reports for error in report.errors] == []
    upkeep.expire_holds()
    upkeep.mark_unknown_attempts(grace_seconds=0)
    charged = sum(hold.charged_tokens or 0 for hold in Hold.objects.all())
    assert charged == sum(report.charged for report in reports) > 0
    assert broken_laws() == []


# Controls: the hammer finds a ledger that overspends, and one that is stingy.


@contextmanager
def lifted_constraint() -> Iterator[None]:
    """Let allocations be overdrawn."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE tokens_allocation DISABLE TRIGGER {NOT_OVERDRAWN}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tokens_allocation SET used_tokens = 0, held_tokens = 0")
            cursor.execute(f"ALTER TABLE tokens_allocation ENABLE ALWAYS TRIGGER {NOT_OVERDRAWN}")


def test_the_lock_is_what_keeps_slow_decisions_from_overspending(committed_db):
    with restored("tokens_place_hold"):
        put_in(PAUSED)
        _ids, reports = hammer_companies(companies=1, tokens=400, processes=4)

    assert [error for report in reports for error in report.errors] == []
    assert broken_laws() == []


def test_without_the_lock_the_same_hammer_overspends(committed_db):
    company = new_company(tokens=400)
    plans = [Plan(company_ids=[company.pk], seed=seed) for seed in range(4)]

    with restored("tokens_place_hold"), lifted_constraint():
        put_in(PAUSED, UNLOCKED)
        with pool(4) as processes:
            with gate() as wait_for:
                running = [processes.submit(hammer, settings_for_child(), plan) for plan in plans]
                wait_for(4)
            results(running)
        assert balance_timeline(company.pk).lowest < 0


@pytest.mark.parametrize("defect", [STINGY, STINGY_BUDGET], ids=lambda defect: defect.what)
def test_a_stingy_ledger_is_found_out(committed_db, defect):
    with restored("tokens_place_hold"):
        put_in(defect)
        _ids, reports = hammer_companies(companies=2, tokens=400, processes=2)

    assert unjustified(reports) != []


def test_locks_that_cross_are_found_out(committed_db):
    company = new_company(tokens=10_000)
    plans = [Plan(company_ids=[company.pk], seed=seed, calls=200, lease_seconds=0) for seed in range(2)]

    with restored("tokens_expire_hold"):
        put_in(*CROSSING)
        try:
            errors = [error for report in run(plans) for error in report.errors]
        except OperationalError as error:  # of the sweeper
            errors = [str(error)]

    assert "deadlock detected" in " ".join(errors)
