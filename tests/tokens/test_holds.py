"""Holds and settlements, one call at a time."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from tests.tokens.ledger import counters, end_lease, grant, hold, new_company, used
from tokens.errors import CallInFlight, HoldEnded, InsufficientTokens, KeyInUse
from tokens.models import (
    Account,
    Answer,
    Attempt,
    BudgetPeriod,
    BudgetScope,
    Hold,
    LedgerEntry,
    OverdraftPolicy,
    UsageLog,
)
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import create_budget
from tokens.services.holds import release_hold, settle_hold, start_attempt

pytestmark = pytest.mark.django_db


def test_a_hold_reserves_and_a_settlement_charges_what_was_used():
    company = new_company()
    allocation = grant(company, 1000)
    placed = hold(company, 400)
    assert counters(allocation) == (0, 400, 0, 0)

    settlement = settle_hold(hold_id=placed.hold_id, usages=[used(150)], answer={"text": "hi"})

    assert settlement.charged_tokens == 150
    assert counters(allocation) == (150, 0, 0, 0)
    log = UsageLog.objects.get()
    assert (log.charged_tokens, log.debt_tokens, log.company_id, log.model) == (150, 0, company.pk, "sandbox-rules-1")
    entry = LedgerEntry.objects.get(kind="usage")
    assert (entry.delta_tokens, entry.usage_log_id, entry.allocation_id) == (-150, log.pk, allocation.pk)
    assert Answer.objects.get().content == {"text": "hi"}
    assert Attempt.objects.get().usage_log_id == log.pk


def test_a_second_settlement_changes_nothing():
    company = new_company(tokens=1000)
    placed = hold(company, 400)
    settle_hold(hold_id=placed.hold_id, usages=[used(150)], answer=None)

    again = settle_hold(hold_id=placed.hold_id, usages=[used(399)], answer=None)

    assert again.charged_tokens == 150
    assert get_balance(company.pk).available_tokens == 850
    assert UsageLog.objects.count() == 1


def test_a_hold_above_the_balance_is_refused_and_nothing_changes():
    company = new_company(tokens=100)

    with pytest.raises(InsufficientTokens) as refusal:
        hold(company, 101)

    assert (refusal.value.available_tokens, refusal.value.minimum_tokens) == (100, 101)
    assert Hold.objects.count() == 0
    assert get_balance(company.pk).available_tokens == 100


def test_a_hold_is_clamped_to_the_balance_but_not_below_its_minimum():
    company = new_company(tokens=100)

    assert hold(company, 500, minimum=80).held_tokens == 100


def test_a_hold_spans_allocations_in_burn_order():
    company = new_company()
    soon = timezone.now() + timedelta(days=1)
    later = timezone.now() + timedelta(days=9)
    oldest = grant(company, 100)
    last = grant(company, 100, priority=200, expires_at=soon)
    second = grant(company, 100, expires_at=later)
    first = grant(company, 100, expires_at=soon)

    placed = hold(company, 250)

    assert [counters(a)[1] for a in (first, second, oldest, last)] == [100, 100, 50, 0]
    settle_hold(hold_id=placed.hold_id, usages=[used(120)], answer=None)
    assert [counters(a)[:2] for a in (first, second, oldest, last)] == [(100, 0), (20, 0), (0, 0), (0, 0)]


def test_a_charge_above_the_hold_is_paid_from_the_balance_then_becomes_debt():
    company = new_company(tokens=100)
    placed = hold(company, 60)

    settlement = settle_hold(hold_id=placed.hold_id, usages=[used(130)], answer=None)

    assert (settlement.charged_tokens, settlement.debt_tokens) == (130, 30)
    assert get_balance(company.pk).debt_tokens == 30
    assert get_balance(company.pk).available_tokens == 0
    assert sum(LedgerEntry.objects.values_list("delta_tokens", flat=True)) == -30


def test_debt_refuses_calls_and_is_repaid_by_the_next_grant():
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(130)], answer=None)
    with pytest.raises(InsufficientTokens):
        hold(company, 1)

    allocation = grant(company, 50)

    assert counters(allocation)[0] == 30
    balance = get_balance(company.pk)
    assert (balance.debt_tokens, balance.available_tokens) == (0, 20)
    assert sum(LedgerEntry.objects.values_list("delta_tokens", flat=True)) == 20


def test_tokens_freed_by_another_hold_repay_debt():
    company = new_company(tokens=100)
    other = hold(company, 40)
    settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(90)], answer=None)
    assert get_balance(company.pk).debt_tokens == 30

    release_hold(hold_id=other.hold_id)

    balance = get_balance(company.pk)
    assert (balance.debt_tokens, balance.available_tokens) == (0, 10)


def test_an_absorbed_shortfall_is_no_debt():
    company = new_company(tokens=100)
    Account.objects.filter(company=company).update(overdraft_policy=OverdraftPolicy.ABSORB)

    settlement = settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(130)], answer=None)

    assert (settlement.debt_tokens, settlement.absorbed_tokens) == (0, 30)
    assert UsageLog.objects.get().absorbed_tokens == 30
    assert get_balance(company.pk).debt_tokens == 0


def test_each_attempt_that_reached_the_provider_has_its_log_and_the_shortfall_falls_on_the_last():
    company = new_company(tokens=100)
    placed = hold(company, 100)
    number = start_attempt(
        hold_id=placed.hold_id, provider="openai", model="gpt-6-luna", estimated_cost_usd=None, lease_seconds=60
    )

    settle_hold(hold_id=placed.hold_id, usages=[used(70, number=1), used(50, number=number)], answer=None)

    assert list(UsageLog.objects.order_by("attempt_number").values_list("charged_tokens", "debt_tokens", "model")) == [
        (70, 0, "sandbox-rules-1"),
        (50, 20, "gpt-6-luna"),
    ]
    assert sum(LedgerEntry.objects.filter(kind="usage").values_list("delta_tokens", flat=True)) == -100


def test_a_release_gives_everything_back_and_logs_a_refused_attempt_at_zero():
    company = new_company(tokens=100)
    placed = hold(company, 60)

    release_hold(hold_id=placed.hold_id, usages=[used(0, status="refused", usage_source="none", error_code="429")])

    assert get_balance(company.pk).available_tokens == 100
    assert UsageLog.objects.get().status == "refused"
    with pytest.raises(HoldEnded):
        settle_hold(hold_id=placed.hold_id, usages=[used(10)], answer=None)
    assert get_balance(company.pk).available_tokens == 100


def test_an_expired_hold_can_still_be_settled_once():
    company = new_company(tokens=100)
    placed = hold(company, 60)
    end_lease(placed.hold_id)
    assert upkeep.expire_holds() == 1
    assert get_balance(company.pk).available_tokens == 100

    settle_hold(hold_id=placed.hold_id, usages=[used(50)], answer=None)
    settle_hold(hold_id=placed.hold_id, usages=[used(50)], answer=None)

    assert get_balance(company.pk).available_tokens == 50
    assert Hold.objects.get().state == "settled"


def test_a_lease_that_lasts_is_not_expired():
    company = new_company(tokens=100)
    hold(company, 60)

    assert upkeep.expire_holds() == 0


def test_a_lost_attempt_becomes_unknown_after_the_grace_and_costs_the_company_nothing():
    company = new_company(tokens=100)
    end_lease(hold(company, 60).hold_id)
    upkeep.expire_holds()
    assert upkeep.mark_unknown_attempts(grace_seconds=3600) == 0

    assert upkeep.mark_unknown_attempts(grace_seconds=0) == 1

    log = UsageLog.objects.get()
    assert (log.status, log.charged_tokens, log.price_kind) == ("unknown", 0, "unpriced")
    assert Attempt.objects.get().state == "unknown"
    assert get_balance(company.pk).available_tokens == 100


def test_an_attempt_that_stays_unknown_says_where_its_estimate_is_from():
    company = new_company(tokens=100)
    placed = hold(company, 60, estimated_cost_usd=Decimal("0.3"), estimated_price_kind="override")
    for kind, estimate in (("fallback", Decimal("0.125")), ("free", Decimal(0)), ("listed", None)):
        facts = {"provider": "openai", "model": "m", "lease_seconds": 60}
        start_attempt(hold_id=placed.hold_id, estimated_cost_usd=estimate, estimated_price_kind=kind, **facts)
    end_lease(placed.hold_id)
    upkeep.expire_holds()

    assert upkeep.mark_unknown_attempts(grace_seconds=0) == 4

    logs = UsageLog.objects.order_by("attempt_number")
    assert [(log.price_kind, log.provider_cost_usd) for log in logs] == [
        ("override", Decimal("0.3")),
        ("fallback", Decimal("0.125")),
        ("free", 0),
        ("unpriced", None),
    ]
    assert [result for result in audit_ledger() if not result.holds] == []


def test_a_repeated_key_finds_the_settled_call_and_holds_nothing():
    company = new_company(tokens=100)
    placed = hold(company, 60, key="k", request_hash=b"a")
    settle_hold(hold_id=placed.hold_id, usages=[used(50)], answer={"text": "hi"})

    again = hold(company, 60, key="k", request_hash=b"a")

    assert (again.hold_id, again.is_replay) == (placed.hold_id, True)
    assert get_balance(company.pk).available_tokens == 50


def test_a_key_in_flight_and_a_key_of_another_request_are_refused():
    company = new_company(tokens=100)
    placed = hold(company, 60, key="k", request_hash=b"a")

    with pytest.raises(CallInFlight) as flight:
        hold(company, 10, key="k", request_hash=b"a")
    with pytest.raises(KeyInUse):
        hold(company, 10, key="k", request_hash=b"b")

    assert flight.value.hold_id == placed.hold_id
    assert Hold.objects.count() == 1


def test_a_key_whose_hold_was_released_or_ran_out_may_be_used_again():
    company = new_company(tokens=100)
    release_hold(hold_id=hold(company, 60, key="k", request_hash=b"a").hold_id)
    second = hold(company, 60, key="k", request_hash=b"a")
    end_lease(second.hold_id)

    third = hold(company, 60, key="k", request_hash=b"a")

    assert third.is_replay is False
    assert Hold.objects.get(pk=second.hold_id).state == "expired"
    assert get_balance(company.pk).held_tokens == 60


def test_the_same_key_of_two_companies_stands_for_two_calls():
    acme, other = new_company(tokens=100), new_company(tokens=100, slug="other")

    first = hold(acme, 60, key="k", request_hash=b"a")
    second = hold(other, 60, key="k", request_hash=b"a")

    assert first.hold_id != second.hold_id


def test_held_tokens_outlive_their_allocation_and_what_comes_back_is_written_off():
    company = new_company()
    allocation = grant(company, 100, expires_at=timezone.now() + timedelta(days=1))
    placed = hold(company, 60)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET effective_at = now() - interval '2 days', expires_at = now()")
    upkeep.expire_allocations()
    assert counters(allocation) == (0, 60, 40, 0)

    settle_hold(hold_id=placed.hold_id, usages=[used(50)], answer=None)
    upkeep.expire_allocations()

    assert counters(allocation) == (50, 0, 50, 0)
    assert sum(LedgerEntry.objects.values_list("delta_tokens", flat=True)) == 0


def test_an_answer_is_erased_after_its_retention_and_its_key_stays():
    company = new_company(tokens=100)
    for key, days in (("kept", 1), ("over", 0)):
        placed = hold(company, 10, key=key, request_hash=b"a")
        settle_hold(hold_id=placed.hold_id, usages=[used(5)], answer={"text": key}, answer_days=days)

    assert upkeep.erase_answers() == 1

    assert [answer.content["text"] for answer in Answer.objects.all()] == ["kept"]
    assert hold(company, 10, key="over", request_hash=b"a").is_replay is True


def test_the_same_source_grants_once():
    company = new_company()
    first = grant(company, 100, source_id="2026-11")
    second = grant(company, 100, source_id="2026-11")

    assert first.pk == second.pk
    assert get_balance(company.pk).available_tokens == 100


def test_the_charge_belongs_to_the_hold_s_day_in_the_company_s_zone():
    company = new_company(tokens=100, time_zone="Pacific/Kiritimati")
    settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(10)], answer=None)

    today = timezone.now().astimezone(company.zone).date()
    assert UsageLog.objects.get().company_day == today
    assert LedgerEntry.objects.get(kind="usage").company_day == today


def test_usage_told_of_after_the_fact_is_booked_whatever_is_left():
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(130)], answer=None)
    create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.TOTAL, limit_tokens=10)
    with pytest.raises(InsufficientTokens):
        hold(company, 1)

    settlement = settle_hold(hold_id=hold(company, 0).hold_id, usages=[used(7)], answer=None)

    assert (settlement.charged_tokens, settlement.debt_tokens) == (7, 7)
    assert Account.objects.get(pk=company.pk).debt_tokens == 37
    assert [result for result in audit_ledger() if not result.holds] == []
