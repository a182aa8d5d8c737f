"""Refunds, revocations, rollover and corrections of cost."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from tests.tokens.ledger import counters, end_lease, grant, hold, new_company, used
from tokens.errors import KeyInUse, NotACharge, RefundTooLarge
from tokens.models import Allocation, BudgetPeriod, BudgetScope, BudgetUse, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import create_budget
from tokens.services.corrections import Cause, correct_cost, refund_charge, revoke_tokens, void_call
from tokens.services.grants import roll_over
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def laws_hold():
    """Whatever a test does, the laws hold after it."""
    yield
    assert [result for result in audit_ledger() if not result.holds] == []


def cause(key="r1"):
    return Cause(key=key, reason_code="goodwill", actor_id=1)


def charge(company, tokens, **options):
    settle_hold(hold_id=hold(company, tokens).hold_id, usages=[used(tokens, **options)], answer=None)
    return UsageLog.objects.filter(kind="call").latest("id")


def test_a_partial_refund_goes_back_to_the_allocations_last_paid_first():
    company = new_company()
    first, second = grant(company, 100), grant(company, 100, priority=200)
    log = charge(company, 150)

    refund = refund_charge(usage_log_id=log.pk, amount_tokens=70, cause=cause())

    assert (counters(first)[0], counters(second)[0]) == (80, 0)
    row = UsageLog.objects.get(pk=refund.refund_id)
    assert (row.kind, row.corrects_id, row.charged_tokens, row.actor_id) == ("refund", log.pk, -70, 1)
    assert get_balance(company.pk).available_tokens == 120


def test_refunds_never_exceed_the_charge():
    company = new_company(tokens=100)
    log = charge(company, 50)
    refund_charge(usage_log_id=log.pk, amount_tokens=30, cause=cause())

    with pytest.raises(RefundTooLarge) as refusal:
        refund_charge(usage_log_id=log.pk, amount_tokens=21, cause=cause("r2"))

    assert refusal.value.refundable_tokens == 20
    assert get_balance(company.pk).available_tokens == 80


def test_the_same_key_refunds_once_and_another_amount_is_a_conflict():
    company = new_company(tokens=100)
    log = charge(company, 50)
    first = refund_charge(usage_log_id=log.pk, amount_tokens=30, cause=cause())

    assert refund_charge(usage_log_id=log.pk, amount_tokens=30, cause=cause()) == first
    with pytest.raises(KeyInUse):
        refund_charge(usage_log_id=log.pk, amount_tokens=10, cause=cause())

    assert get_balance(company.pk).available_tokens == 80


def test_a_refund_of_a_refund_is_refused():
    company = new_company(tokens=100)
    refund = void_call(usage_log_id=charge(company, 50).pk, cause=cause())

    with pytest.raises(NotACharge):
        void_call(usage_log_id=refund.refund_id, cause=cause("r2"))


def test_a_refund_to_an_expired_allocation_becomes_a_new_one_of_thirty_days():
    company = new_company()
    old = grant(company, 100, expires_at=timezone.now() + timedelta(days=1))
    log = charge(company, 60)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET effective_at = now() - interval '2 days', expires_at = now()")
    upkeep.expire_allocations()

    void_call(usage_log_id=log.pk, cause=cause())

    assert counters(old) == (60, 0, 40, 0)
    new = Allocation.objects.get(source="refund")
    assert (new.allocated_tokens, (new.expires_at - new.effective_at).days) == (60, 30)


def test_a_refund_pays_debt_of_its_charge_first():
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(130)], answer=None)
    log = UsageLog.objects.get()

    refund_charge(usage_log_id=log.pk, amount_tokens=50, cause=cause())

    balance = get_balance(company.pk)
    assert (balance.debt_tokens, balance.available_tokens) == (0, 20)


def test_a_refund_after_the_debt_was_repaid_returns_all_of_the_charge():
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(130)], answer=None)
    grant(company, 50)

    void_call(usage_log_id=UsageLog.objects.get().pk, cause=cause())

    assert get_balance(company.pk).available_tokens == 150


def test_a_refund_repays_debt_left_by_another_charge():
    company = new_company(tokens=100)
    log = charge(company, 40)
    settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(75)], answer=None)

    void_call(usage_log_id=log.pk, cause=cause())

    balance = get_balance(company.pk)
    assert (balance.debt_tokens, balance.available_tokens) == (0, 25)


def test_a_refund_counts_in_budgets_and_gives_back_the_company_s_price():
    company = new_company(tokens=100)
    create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.TOTAL, limit_tokens=90)
    money = {"price_kind": "listed", "provider_cost_usd": Decimal("0.4"), "sale_value_usd": Decimal("0.5")}
    log = charge(company, 50, **money, price_version_id=company.token_account.allocations.get().pk)

    refund = refund_charge(usage_log_id=log.pk, amount_tokens=25, cause=cause())

    assert BudgetUse.objects.get().used_tokens == 25
    row = UsageLog.objects.get(pk=refund.refund_id)
    assert (row.provider_cost_usd, row.sale_value_usd) == (Decimal(0), Decimal("-0.25"))


def test_a_correction_of_cost_leaves_tokens_alone():
    company = new_company(tokens=100)
    log = charge(company, 50)
    options = {"kind": "rerating", "sale_delta_usd": None, "price_version_id": log.pk, "price_kind": "override"}

    first = correct_cost(usage_log_id=log.pk, cost_delta_usd=Decimal("0.1"), cause=cause(), **options)

    assert correct_cost(usage_log_id=log.pk, cost_delta_usd=Decimal("0.1"), cause=cause(), **options) == first
    with pytest.raises(KeyInUse):
        correct_cost(usage_log_id=log.pk, cost_delta_usd=Decimal("0.2"), cause=cause(), **options)
    assert UsageLog.objects.get(pk=first).provider_cost_usd == Decimal("0.1")
    assert get_balance(company.pk).available_tokens == 50


def test_a_revocation_takes_what_is_free_and_no_more():
    company = new_company()
    allocation = grant(company, 100)
    hold(company, 30)

    assert revoke_tokens(allocation_id=allocation.pk, amount_tokens=90, cause=cause()) == 70
    assert revoke_tokens(allocation_id=allocation.pk, amount_tokens=90, cause=cause()) == 0

    assert counters(allocation) == (0, 30, 0, 70)


@pytest.mark.parametrize(("max_tokens", "rolled"), [(500, 70), (50, 50), (0, 0)])
def test_a_renewal_rolls_over_the_balance_up_to_the_plan_s_maximum(max_tokens, rolled):
    company = new_company()
    old = grant(company, 100, expires_at=timezone.now() + timedelta(days=1))
    charge(company, 30)
    options = {
        "company_id": company.pk,
        "allocation_ids": [old.pk],
        "max_tokens": max_tokens,
        "source_id": "2026-12",
        "expires_at": None,
    }

    assert roll_over(**options) == rolled
    assert roll_over(**options) == rolled

    assert counters(old) == (30, 0, 70, 0)
    assert get_balance(company.pk).available_tokens == rolled


def test_what_the_sweeper_wrote_off_before_the_renewal_is_rolled_over_too():
    company = new_company()
    old = grant(company, 100, expires_at=timezone.now() + timedelta(days=1))
    charge(company, 30)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET effective_at = now() - interval '2 days', expires_at = now()")
    upkeep.expire_allocations()

    rolled = roll_over(
        company_id=company.pk, allocation_ids=[old.pk], max_tokens=500, source_id="2026-12", expires_at=None
    )

    assert rolled == get_balance(company.pk).available_tokens == 70


def test_tokens_held_at_renewal_stay_usable_until_their_hold_ends():
    company = new_company()
    old = grant(company, 100, expires_at=timezone.now() + timedelta(days=1))
    placed = hold(company, 40)
    roll_over(company_id=company.pk, allocation_ids=[old.pk], max_tokens=500, source_id="2026-12", expires_at=None)

    settle_hold(hold_id=placed.hold_id, usages=[used(40)], answer=None)

    assert counters(old) == (40, 0, 60, 0)
    assert get_balance(company.pk).available_tokens == 60


def test_a_settlement_after_the_attempt_was_given_up_takes_the_estimate_back_out():
    company = new_company(tokens=100)
    placed = hold(company, 60, estimated_cost_usd=Decimal("0.3"))
    end_lease(placed.hold_id)
    upkeep.expire_holds()
    upkeep.mark_unknown_attempts(grace_seconds=0)
    version = company.token_account.allocations.get().pk

    paid = used(50, price_kind="listed", price_version_id=version, provider_cost_usd=Decimal("0.2"))
    settle_hold(hold_id=placed.hold_id, usages=[paid], answer=None)

    costs = UsageLog.objects.order_by("id").values_list("kind", "provider_cost_usd")
    assert sorted(costs) == [("call", Decimal("0.2")), ("call", Decimal("0.3")), ("reconciliation", Decimal("-0.3"))]
    assert get_balance(company.pk).available_tokens == 50


def test_the_same_grant_with_another_amount_is_a_conflict():
    company = new_company()
    grant(company, 100, source_id="p1")

    with pytest.raises(KeyInUse):
        grant(company, 200, source_id="p1")

    assert LedgerEntry.objects.count() == 1
