"""Statements: each movement once, and balances that chain over any periods."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tokens.ledger import charge, end_lease, grant, hold, new_company, used
from tests.tokens.past import (
    company_at_noon,
    company_of_three_days,
    days_ago,
    move_to_past,
    other_transaction,
    seal_all,
    tamper,
)
from tokens.models import Source, UsageLog
from tokens.periods import Period, today
from tokens.selectors import entries as commit_order
from tokens.selectors.history import balance_at
from tokens.selectors.seals import verify_seals
from tokens.selectors.snapshot import one_snapshot
from tokens.selectors.statement import get_statement, list_movements, list_seals, stream_movements
from tokens.services import upkeep
from tokens.services.corrections import Cause, refund_charge, revoke_tokens
from tokens.services.holds import settle_hold


def cause(key):
    return Cause(key=key, reason_code="goodwill", actor_id=1)


def statement_today(company):
    return get_statement(company.pk, days_ago(company, 0))


@pytest.fixture
def company(committed_db):
    return company_of_three_days()


@pytest.mark.django_db
def test_a_statement_shows_every_kind_of_movement_with_its_running_balance():
    company = new_company()
    plan = grant(company, 100, source=Source.PLAN, source_id="2026-11")
    log = charge(company, 130, held=100)
    grant(company, 50)
    refund_charge(usage_log_id=log.pk, amount_tokens=10, cause=cause("r"))
    revoke_tokens(allocation_id=grant(company, 9).pk, amount_tokens=4, cause=cause("v"))
    tamper("UPDATE tokens_allocation SET effective_at = now() - interval '2 days', expires_at = now() WHERE id = %s", plan.pk)  # fmt: skip
    upkeep.expire_allocations()

    statement = statement_today(company)

    movements = list_movements(statement)
    assert [(line.entry.kind, line.source, line.entry.delta_tokens, line.balance_tokens) for line in movements] == [
        ("grant", "plan", 100, 100),
        ("usage", "plan", -100, 0),
        ("debt", "", -30, -30),
        ("grant", "adjustment", 50, 20),
        ("debt_repayment", "adjustment", -30, -10),
        ("debt", "", 30, 20),
        ("refund", "plan", 10, 30),
        ("grant", "adjustment", 9, 39),
        ("revocation", "adjustment", -4, 35),
        ("expiry", "plan", -10, 25),
    ]
    assert (statement.opening_tokens, statement.closing_tokens, statement.entry_count) == (0, 25, 10)
    assert {total.kind.value: (total.entries, total.tokens) for total in statement.totals} == {
        "grant": (3, 159),
        "usage": (1, -100),
        "refund": (1, 10),
        "expiry": (1, -10),
        "revocation": (1, -4),
        "debt": (2, 0),
        "debt_repayment": (1, -30),
    }


def test_periods_chain_and_hold_every_movement_once(company):
    whole = get_statement(company.pk, days_ago(company, 9, 0))
    single = [get_statement(company.pk, days_ago(company, days)) for days in (3, 2, 1, 0)]

    assert [(day.opening_tokens, day.closing_tokens) for day in single] == [
        (0, 900),
        (900, 900),
        (900, 850),
        (850, 843),
    ]
    assert (whole.opening_tokens, whole.closing_tokens) == (0, 843)
    assert [line for day in single for line in stream_movements(day)] == list(stream_movements(whole))


def test_a_statement_is_the_same_before_and_after_its_days_are_sealed(company):
    period = days_ago(company, 3, 1)
    before = get_statement(company.pk, period)
    seal_all(company)
    after = get_statement(company.pk, period)

    assert (before.unsealed_entries, before.is_closed) == (3, False)
    assert (after.unsealed_entries, after.is_closed) == (0, True)
    assert list(stream_movements(after)) == list(stream_movements(before))
    assert [row.entry_count for row in list_seals(after)] == [2, 1]
    assert statement_today(company).unsealed_entries == 1


@pytest.mark.parametrize(("sealed_first", "closing"), [(True, 90), (False, 95)])
def test_what_commits_late_joins_a_day_only_while_the_day_is_open(committed_db, sealed_first, closing):
    """The second case is the control: without a seal the late entry does change the statement of its day."""
    company = company_at_noon(tokens=100)
    charge(company, 10)
    move_to_past(company, days=1)
    if sealed_first:
        seal_all(company)
    grant(company, 5)
    move_to_past(company, days=1)
    charge(company, 2)

    yesterday = get_statement(company.pk, days_ago(company, 1))

    assert (yesterday.closing_tokens, yesterday.is_closed) == (closing, sealed_first)
    assert (statement_today(company).opening_tokens, statement_today(company).closing_tokens) == (closing, 93)


@pytest.mark.django_db
def test_a_late_settlement_is_booked_on_the_day_on_which_it_is_recorded():
    company = company_at_noon(tokens=100)
    placed = hold(company, 40)
    tamper("UPDATE tokens_hold SET company_day = company_day - 1")
    end_lease(placed.hold_id)
    upkeep.expire_holds()
    settle_hold(hold_id=placed.hold_id, usages=[used(40)], answer=None)

    (_grant, usage) = list_movements(statement_today(company))

    assert usage.entry.company_day == today(company) - timedelta(days=1)
    assert get_statement(company.pk, days_ago(company, 1)).closing_tokens == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Kiritimati", date(2026, 3, 2)), ("Pacific/Niue", date(2026, 2, 28))]
)
def test_days_are_cut_at_the_company_s_midnight(zone, day):
    company = new_company(tokens=10, time_zone=zone)
    tamper("UPDATE tokens_ledger_entry SET recorded_at = '2026-03-01 10:30Z'")

    (movement,) = list_movements(get_statement(company.pk, Period(day, day)))

    assert movement.balance_tokens == 10


@pytest.mark.django_db
def test_pages_carry_the_balance_on():
    company = company_at_noon(tokens=100)
    for tokens in (1, 2, 3, 4):
        charge(company, tokens)
    statement = statement_today(company)

    first = list_movements(statement, limit=2)
    second = list_movements(statement, after=first[-1].entry.position, limit=2)

    assert [line.balance_tokens for line in (*first, *second)] == [100, 99, 97, 94]


def test_a_long_statement_is_read_in_pages(company, monkeypatch):
    monkeypatch.setattr(commit_order, "_PAGE_ROWS", 2)

    movements = list(stream_movements(get_statement(company.pk, days_ago(company, 3, 0))))

    assert [line.balance_tokens for line in movements] == [1000, 900, 850, 843]


@pytest.mark.parametrize("together", [True, False])
def test_frame_and_movements_of_one_snapshot_agree_while_the_company_spends(company, together):
    """The second case is the control: read apart, they do not."""

    def read():
        statement = statement_today(company)
        with other_transaction() as other:
            other.execute("SELECT tokens_grant(%s, 'adjustment', NULL, 9, 100, NULL, NULL, NULL, '')", [company.pk])
        return statement.closing_tokens, list(stream_movements(statement))[-1].balance_tokens

    if together:
        with one_snapshot():
            assert read() == (843, 843)
    else:
        assert read() == (843, 852)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.integers(1, 500)),
        st.tuples(st.just("charge"), st.integers(1, 300)),
        st.tuples(st.just("refund"), st.integers(1, 100)),
        st.tuples(st.just("days pass"), st.integers(1, 2)),
        st.tuples(st.just("seal"), st.integers(0, 1)),
    ),
    max_size=14,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=STEPS, cuts=st.sets(st.integers(0, 12)))
def test_any_history_chains_over_any_periods(committed_db, steps, cuts):
    """Running balances, statements, seals and the balance at a moment tell one story."""
    company = company_at_noon(slug=f"c{next(_numbers)}", tokens=100)
    play(company, steps)
    ends = sorted({*cuts, 0}, reverse=True)
    periods = [days_ago(company, 99, ends[0])]
    periods += [days_ago(company, earlier - 1, later) for earlier, later in zip(ends, ends[1:], strict=False)]

    statements = [get_statement(company.pk, period) for period in periods]
    movements = [line for statement in statements for line in stream_movements(statement)]

    assert [statement.opening_tokens for statement in statements[1:]] == [
        statement.closing_tokens for statement in statements[:-1]
    ]
    assert movements == list(stream_movements(get_statement(company.pk, days_ago(company, 99, 0))))
    assert len(movements) == company.token_account.entries.count()
    assert movements[-1].balance_tokens == statements[-1].closing_tokens == balance_now(company)
    assert verify_seals(company.pk).difference is None


_numbers = iter(range(1_000_000))


def balance_now(company):
    """Ask the history, which starts from seals, and compare with the plain sum."""
    entries = company.token_account.entries.order_by("recorded_at")
    balance = balance_at(company.pk, entries.last().recorded_at + timedelta(days=1))
    assert balance == sum(entries.values_list("delta_tokens", flat=True))
    return balance


def play(company, steps):
    """Let a history happen: days pass for what is not sealed yet, as if it had been recorded earlier."""
    left = 12
    for number, (step, amount) in enumerate(steps):
        if step == "grant":
            grant(company, amount)
        elif step == "charge":
            settle_hold(hold_id=hold(company, 0).hold_id, usages=[used(amount)], answer=None)
        elif step == "refund" and (log := UsageLog.objects.filter(company_id=company.pk, kind="call").first()):
            refund_some(log, amount, f"r{number}")
        elif step == "days pass" and left > amount:
            left -= amount
            move_to_past(company, days=left)
        elif step == "seal":
            seal_all(company, include_today=bool(amount), max_entries=3)


def refund_some(log, amount, key):
    refunded = -sum(UsageLog.objects.filter(corrects_id=log.pk).values_list("charged_tokens", flat=True))
    if (left := log.charged_tokens - refunded) > 0:
        refund_charge(usage_log_id=log.pk, amount_tokens=min(left, amount), cause=cause(key))
