"""Groups of holds, placed and closed set by set: each gets what it would have got by itself."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.tokens.ledger import counters, grant, hold, new_company, used
from tests.tokens.proof.books import Books, read_books
from tests.tokens.proof.mutations import DEFECTS_OF_GROUPS, put_in
from tests.tokens.together import Row, move_together
from tests.tokens.turns import turn_taken
from tokens.models import Account, Allocation, Attempt, BudgetPeriod, BudgetScope, Hold, HoldPart, LedgerEntry, UsageLog
from tokens.services.budgets import create_budget
from tokens.services.holds import AttemptUsage, Attribution, Closing, HoldRequest, settle_hold, start_attempt
from tokens.services.movements import Movement, closing_hold, placing
from tokens.services.statement import run
from tokens.sql.calls import BUSY


def asked(company_id: int, needed: int = 10, **options: Any) -> HoldRequest:
    return HoldRequest(
        **{
            "company_id": company_id,
            "operation": "api",
            "needed_tokens": needed,
            "minimum_tokens": needed,
            "lease_seconds": 60,
            "provider": "sandbox",
            "model": "sandbox-rules-1",
            "attribution": Attribution(),
            **options,
        }
    )


def told(hold_id: UUID, charged: int, **options: Any) -> Closing:
    return Closing.settling(hold_id, [used(charged, **options)], None)


def move_alone(movements: Sequence[Movement[Any]]) -> list[Row]:
    """Make movements one by one; return what each was answered."""
    return [run(movement.sql, movement.parameters)[:-1] for movement in movements]


def place(*requests: HoldRequest) -> list[Row]:
    return move_together([placing(request) for request in requests])


def close(*closings: Closing) -> list[Row]:
    return move_together([closing_hold(closing) for closing in closings])


def let_none_go_alone() -> None:
    """Have the functions for one fail, for the rest of a test's transaction: only simple movements succeed."""
    with connection.cursor() as cursor:
        for function in ("tokens_place_hold", "tokens_close_hold"):
            cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
            body: str = cursor.fetchone()[0]
            assert "\nBEGIN\n" in body
            cursor.execute(body.replace("\nBEGIN\n", "\nBEGIN\n RAISE EXCEPTION 'by itself';\n"))


@pytest.mark.django_db
def test_holds_of_several_companies_are_placed_and_settled_together():
    companies = [new_company(slug=f"company-{number}") for number in range(3)]
    allocations = [grant(company, 1000) for company in companies]
    job, key = uuid4(), uuid4()

    let_none_go_alone()
    placed = place(
        asked(companies[0].pk, 100, attribution=Attribution(job_id=job, api_key_id=key, session_id="s", feature="f")),
        asked(companies[1].pk, 200),
        asked(companies[0].pk, 300, minimum_tokens=1),
    )
    assert [(outcome, held) for outcome, _id, held, *_rest in placed] == [
        ("held", 100),
        ("held", 200),
        ("held", 300),
    ]
    assert [counters(allocation) for allocation in allocations] == [(0, 400, 0, 0), (0, 200, 0, 0), (0, 0, 0, 0)]
    closed = close(*(told(row[1], charged) for row, charged in zip(placed, (100, 50, 1), strict=True)))

    assert closed == [("closed", 100, 0, 0, 899), ("closed", 50, 0, 0, 950), ("closed", 1, 0, 0, 899)]
    assert [counters(allocation) for allocation in allocations] == [(101, 0, 0, 0), (50, 0, 0, 0), (0, 0, 0, 0)]
    first = Hold.objects.get(pk=placed[0][1])
    assert (first.state, first.needed_tokens, first.job_id, first.api_key_id, first.session_id, first.feature) == (
        *("settled", 100, job, key),
        *("s", "f"),
    )
    assert HoldPart.objects.filter(hold_id=first.pk).get().tokens == 100
    log = UsageLog.objects.get(hold_id=first.pk)
    assert (log.charged_tokens, log.job_id, log.api_key_id, log.input_tokens, log.provider) == (
        100,
        job,
        key,
        100,
        "sandbox",
    )
    assert (log.price_kind, log.provider_cost_usd, log.response_model, log.tool_requests) == ("unpriced", None, "", 0)
    attempt = Attempt.objects.get(hold_id=first.pk)
    assert (attempt.number, attempt.state, attempt.usage_log_id) == (1, "succeeded", log.pk)
    entry = LedgerEntry.objects.get(hold_id=first.pk)
    assert (entry.kind, entry.delta_tokens, entry.usage_log_id, entry.company_day) == (
        *("usage", -100, log.pk),
        first.company_day,
    )


@pytest.mark.django_db
def test_what_one_group_asks_of_a_company_is_bounded_by_what_it_has():
    company = new_company(tokens=100)

    placed = place(*(asked(company.pk, 40) for _ in range(4)))

    assert [row[0] for row in placed] == ["held", "held", "insufficient", "insufficient"]
    assert counters(Allocation.objects.get()) == (0, 80, 0, 0)


@pytest.mark.django_db
def test_a_hold_that_is_closed_twice_in_a_group_is_charged_once():
    company = new_company(tokens=100)
    ((_held, hold_id, *_rest),) = place(asked(company.pk, 40))

    closed = close(told(hold_id, 30), told(hold_id, 30))

    assert sorted(row[:2] for row in closed) == [("closed", 30), ("settled", 30)]
    assert counters(Allocation.objects.get()) == (30, 0, 0, 0)
    assert UsageLog.objects.count() == LedgerEntry.objects.filter(kind="usage").count() == 1


@pytest.mark.django_db
def test_a_closing_of_nothing_that_is_known_undoes_its_group():
    company = new_company(tokens=100)
    ((_held, hold_id, *_rest),) = place(asked(company.pk, 40))

    with pytest.raises(DatabaseError), transaction.atomic():
        close(told(hold_id, 30), told(uuid4(), 30))

    assert Hold.objects.get().state == "open"


@pytest.mark.parametrize("closing", [False, True])
def test_a_company_whose_turn_somebody_has_is_left_out(committed_db, closing):
    busy, free = (new_company(tokens=100, slug=slug) for slug in ("busy", "free"))
    held = [hold(company, 10).hold_id for company in (busy, free)] if closing else []

    with turn_taken(busy.pk):
        rows = close(*(told(hold_id, 5) for hold_id in held)) if closing else place(asked(busy.pk), asked(free.pk))

    assert [row[0] for row in rows] == [BUSY, "closed" if closing else "held"]
    assert [hold.state for hold in Hold.objects.filter(company_id=busy.pk)] == ["open"] * closing
    assert read_books(busy.pk).balance[1:3] == (0, 10 * closing)
    assert read_books(free.pk).balance[1:3] == ((5, 0) if closing else (0, 10))


COMPANIES = 3
requests = st.tuples(
    st.integers(0, COMPANIES - 1),  # the company
    st.integers(0, 60),  # needed
    st.integers(0, 60),  # minimum
    st.sampled_from(["", "", "", "key", "key", "own"]),
)
endings = st.tuples(
    st.one_of(st.none(), st.integers(0, 10), st.integers(1, 10), st.integers(11, 60)),  # charged, in tenths of the hold
    st.sampled_from([False] * 3 + [True]),  # whether an answer is stored
    st.sampled_from([(1, 1), (1, 1), (2, 1), (2, 2)]),  # attempts, and the one that is charged
)
states = st.tuples(
    st.lists(st.sampled_from([5, 50, 150, 1000, 1000]), max_size=3),  # allocations
    st.sampled_from([0, 0, 30]),  # debt
    st.sampled_from([None, None, 50]),  # a budget
    st.booleans(),  # absorbs
)


GROUPS = given(
    companies=st.lists(states, min_size=COMPANIES, max_size=COMPANIES),
    group=st.lists(requests, min_size=1, max_size=8),
    ends=st.lists(endings, min_size=8, max_size=8),
    repeats=st.lists(st.integers(0, 7), max_size=3, unique=True),
)


def compare(companies: Sequence[Row], group: Sequence[Row], ends: Sequence[Row], repeats: Sequence[int]) -> None:
    """Compare what comes of a group with what comes of its members one by one."""
    group = sorted(group, key=lambda request: request[3] != "" or request[1] < max(1, request[2]))  # simple ones first

    def play(move: Any) -> tuple[list[Row], list[Row], list[Books]]:
        with transaction.atomic() as _block:
            connection.atomic_blocks[-1]._from_testcase = True  # type: ignore[attr-defined]
            ids = [_make(state, place) for place, state in enumerate(companies)]
            placed = move([placing(_request(ids, *request)) for request in group])
            closings = _closings([row[1] for row in placed if row[0] == "held"], ends)
            closed = move([closing_hold(closing) for closing in closings]) if closings else []
            again = [closings[place] for place in repeats if place < len(closings)]
            closed += move([closing_hold(closing) for closing in again]) if again else []
            books = [read_books(company_id) for company_id in ids]
            transaction.set_rollback(True)
        return [_said(row) for row in placed], [row[:-1] for row in closed], books

    assert play(move_together) == play(move_alone)


COMPARISON = settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
HUNT = settings(COMPARISON, max_examples=300, derandomize=True, phases=[Phase.generate])


@pytest.mark.django_db
def test_a_group_does_what_its_members_would_do_one_by_one():
    COMPARISON(GROUPS(compare))()


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("defect", DEFECTS_OF_GROUPS, ids=lambda defect: defect.what)
def test_a_defect_of_groups_is_found(defect):
    put_in(defect)

    with pytest.raises((AssertionError, DatabaseError)):
        HUNT(GROUPS(compare))()


def _make(state: Row, place: int) -> int:
    allocations, debt, budget, absorbs = state
    company = new_company(slug=f"company-{place}")
    for tokens in allocations or [1]:  # so that it has an account
        grant(company, tokens)
    if debt:
        over = hold(company, 1)
        settle_hold(hold_id=over.hold_id, usages=[used(1 + sum(allocations) + debt)], answer=None)
        grant(company, 1000, effective_at=timezone.now() + timedelta(hours=1))  # pays no debt
        Allocation.objects.filter(company_id=company.pk).update(effective_at=company.created_at)
    if budget:
        create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.MONTH, limit_tokens=budget)
    if absorbs:
        Account.objects.filter(company_id=company.pk).update(overdraft_policy="absorb")
    return company.pk


def _request(ids: Sequence[int], company: int, needed: int, minimum: int, kind: str) -> HoldRequest:
    options: Mapping[str, Any] = {
        "key": {"key": f"k{needed % 3}", "request_hash": bytes([minimum])},
        "own": {"key_owner": "company"},
    }.get(kind, {})
    return asked(ids[company], needed, minimum_tokens=minimum, **options)


def _closings(holds: Sequence[UUID], ends: Sequence[Row]) -> list[Closing]:
    """End holds, the simple endings first."""
    closings = []
    for hold_id, (tenths, stores, (attempts, number)) in zip(holds, ends, strict=False):
        row = Hold.objects.get(pk=hold_id)
        for _attempt in range(1, attempts):
            start_attempt(hold_id=hold_id, provider="b", model="b", estimated_cost_usd=None, lease_seconds=60)
        charged = row.held_tokens * (tenths or 0) // 10
        usages: list[AttemptUsage] = [used(charged, number=number)]
        if tenths is None:
            closing = Closing.releasing(hold_id)
        else:
            closing = Closing.settling(hold_id, usages, {"text": "hi"} if stores else None)
        is_simple = (
            tenths is not None
            and not stores
            and attempts == 1
            and 1 <= charged <= row.held_tokens
            and (row.key, row.key_owner) == (None, "platform")
            and HoldPart.objects.filter(hold_id=hold_id).count() == 1
        )
        closings.append((not is_simple, len(closings), closing))
    return [closing for _careful, _place, closing in sorted(closings)]


def _said(row: Row) -> Row:
    """What was said of a placing, without the id; what is available is not told of holds that are placed together."""
    outcome, _hold_id, held, available, debt, _budget_id = row
    return outcome, held, None if outcome == "held" else available, debt
