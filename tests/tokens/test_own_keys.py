"""Calls on a company's own key at a provider: budgets count them; balance and debt never hear of them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from tests.tokens.ledger import counters, end_lease, grant, hold, new_company, used
from tokens.errors import BudgetExceeded, InsufficientTokens, RefundTooLarge
from tokens.models import (
    Account,
    Allocation,
    BudgetAction,
    BudgetPeriod,
    BudgetScope,
    BudgetUse,
    Hold,
    HoldPart,
    LedgerEntry,
    UsageLog,
)
from tokens.selectors import get_balance
from tokens.selectors.audit import Finding, audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import create_budget
from tokens.services.corrections import Cause, refund_charge
from tokens.services.holds import extend_hold, release_hold, settle_hold
from tokens.services.repairs import rebuild_counters

pytestmark = pytest.mark.django_db

COST = {"price_kind": "free", "provider_cost_usd": Decimal("0.5"), "sale_value_usd": Decimal("0.6")}


@pytest.fixture
def company():
    return new_company(tokens=1_000)


def own(company, needed, **options):
    """Place a hold for a call on the company's own key."""
    return hold(company, needed, key_owner="company", **options)


def budget(company, limit, **options):
    options = {"scope": BudgetScope.COMPANY, "period": BudgetPeriod.MONTH, "limit_tokens": limit, **options}
    return create_budget(company_id=company.pk, **options)


def use(budget_id):
    row = BudgetUse.objects.get(budget_id=budget_id)
    return row.used_tokens, row.held_tokens


def broken():
    return [result.name for result in audit_ledger() if not result.holds]


def test_a_call_is_held_and_counted_on_budgets_alone(company):
    limit, allocation = budget(company, 500), Allocation.objects.get()
    placed = own(company, 300)
    assert (placed.held_tokens, use(limit), counters(allocation)) == (300, (0, 300), (0, 0, 0, 0))
    assert broken() == []

    settlement = settle_hold(hold_id=placed.hold_id, usages=[used(120, **COST)], answer={"text": "hi"})

    assert (settlement.charged_tokens, settlement.debt_tokens, settlement.available_tokens) == (0, 0, 1_000)
    assert (use(limit), counters(allocation)) == ((120, 0), (0, 0, 0, 0))
    assert HoldPart.objects.count() == 0
    assert list(LedgerEntry.objects.values_list("kind", flat=True)) == ["grant"]
    assert broken() == []


def test_its_row_says_whose_key_it_was_and_costs_the_platform_nothing(company):
    settle_hold(hold_id=own(company, 300).hold_id, usages=[used(120, weight=Decimal(2), **COST)], answer=None)
    log = UsageLog.objects.get()
    assert (log.key_owner, log.price_kind, log.input_tokens) == ("company", "own_key", 120)
    assert (log.charged_tokens, log.own_key_tokens, log.debt_tokens, log.absorbed_tokens) == (0, 120, 0, 0)
    assert (log.provider_cost_usd, log.sale_value_usd, log.price_version_id, log.margin_percent) == (0, 0, None, None)


def test_a_call_on_the_platforms_key_is_charged_as_ever(company):
    settle_hold(hold_id=hold(company, 300).hold_id, usages=[used(120)], answer=None)
    log = UsageLog.objects.get()
    assert (log.key_owner, log.charged_tokens, log.own_key_tokens) == ("platform", 120, 0)
    assert get_balance(company.pk).available_tokens == 880


def test_neither_an_empty_balance_nor_debt_stops_it_and_it_adds_none():
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(150)], answer=None)
    with pytest.raises(InsufficientTokens):
        hold(company, 1)

    settlement = settle_hold(hold_id=own(company, 5_000).hold_id, usages=[used(9_000)], answer=None)

    assert (settlement.charged_tokens, settlement.debt_tokens, settlement.absorbed_tokens) == (0, 0, 0)
    assert Account.objects.get().debt_tokens == 50
    assert broken() == []


def test_a_budget_that_stops_refuses_it_and_nothing_changes(company):
    limit = budget(company, 100)
    settle_hold(hold_id=own(company, 80).hold_id, usages=[used(80)], answer=None)
    with pytest.raises(BudgetExceeded) as refusal:
        own(company, 21)
    assert (refusal.value.budget_id, refusal.value.left_tokens) == (limit, 20)
    assert (use(limit), Hold.objects.count()) == ((80, 0), 1)


def test_a_budget_clamps_it_and_one_that_warns_does_not(company):
    budget(company, 10, action=BudgetAction.WARN)
    assert own(company, 5_000, minimum=1).held_tokens == 5_000
    budget(company, 6_000)
    assert own(company, 5_000, minimum=1).held_tokens == 1_000


def test_both_kinds_of_calls_share_a_budget(company):
    limit = budget(company, 500)
    settle_hold(hold_id=own(company, 200).hold_id, usages=[used(200)], answer=None)
    settle_hold(hold_id=hold(company, 200).hold_id, usages=[used(200)], answer=None)
    assert use(limit) == (400, 0)
    with pytest.raises(BudgetExceeded):
        hold(company, 101)
    assert broken() == []


def test_it_is_extended_within_budgets_whatever_the_balance(company):
    limit = budget(company, 5_000)
    placed = own(company, 300)
    assert extend_hold(hold_id=placed.hold_id, more_tokens=4_000, lease_seconds=60)
    assert not extend_hold(hold_id=placed.hold_id, more_tokens=701, lease_seconds=60)
    assert (use(limit), get_balance(company.pk).available_tokens) == ((0, 4_300), 1_000)
    assert broken() == []


def test_released_or_expired_its_budgets_get_everything_back(company):
    limit = budget(company, 500)
    release_hold(hold_id=own(company, 300).hold_id)
    late = own(company, 200)
    end_lease(late.hold_id)
    assert upkeep.expire_holds() == 1
    assert use(limit) == (0, 0)

    settle_hold(hold_id=late.hold_id, usages=[used(70)], answer=None)

    assert (use(limit), get_balance(company.pk).available_tokens) == ((70, 0), 1_000)
    assert broken() == []


def test_what_a_failed_attempt_used_counts_even_when_the_hold_is_released(company):
    limit = budget(company, 500)
    release_hold(hold_id=own(company, 300).hold_id, usages=[used(40, status="failed")])
    assert use(limit) == (40, 0)
    assert broken() == []


def test_an_attempt_that_stays_unknown_costs_the_platform_nothing(company):
    placed = own(company, 300, estimated_cost_usd=Decimal(3))
    end_lease(placed.hold_id)
    upkeep.expire_holds()
    assert upkeep.mark_unknown_attempts(grace_seconds=0) == 1
    log = UsageLog.objects.get()
    assert (log.status, log.key_owner, log.price_kind, log.provider_cost_usd) == ("unknown", "company", "own_key", 0)

    settle_hold(hold_id=placed.hold_id, usages=[used(70)], answer=None)

    assert sum(row.provider_cost_usd for row in UsageLog.objects.all()) == 0
    assert broken() == []


def test_there_is_nothing_to_refund(company):
    settle_hold(hold_id=own(company, 300).hold_id, usages=[used(120)], answer=None)
    log = UsageLog.objects.get()
    with pytest.raises(RefundTooLarge) as refusal:
        refund_charge(usage_log_id=log.pk, amount_tokens=1, cause=Cause(key="r", reason_code="test", actor_id=1))
    assert refusal.value.refundable_tokens == 0
    assert UsageLog.objects.count() == 1


def test_a_repeated_key_gets_the_stored_answer_and_counts_once(company):
    limit = budget(company, 500)
    key = {"key": "k", "request_hash": b"a"}
    settle_hold(hold_id=own(company, 300, **key).hold_id, usages=[used(120)], answer={"text": "hi"})
    assert own(company, 300, **key).is_replay
    assert use(limit) == (120, 0)


def test_a_budget_made_later_and_counters_rebuilt_know_what_was_used(company):
    settle_hold(hold_id=own(company, 300).hold_id, usages=[used(120)], answer=None)
    own(company, 30)
    limit = budget(company, 500)
    assert use(limit) == (120, 30)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_budget_use SET used_tokens = 1, held_tokens = 2")
    assert broken() == ["budgets_equal_their_scope"]

    rebuild_counters([Finding(company.pk, str(limit), "")], None)

    assert (use(limit), broken()) == ((120, 30), [])


def test_the_tokens_of_the_company_are_there_for_other_calls_meanwhile(company):
    own(company, 1_000)
    assert hold(company, 1_000).held_tokens == 1_000


def test_tokens_that_expire_meanwhile_do_not_matter():
    company = new_company()
    grant(company, 100)
    placed = own(company, 80)
    Allocation.objects.update(
        effective_at=Allocation.objects.get().effective_at - timedelta(days=9),
        expires_at=Allocation.objects.get().effective_at - timedelta(days=1),
    )
    assert upkeep.expire_allocations() == 100
    settle_hold(hold_id=placed.hold_id, usages=[used(80)], answer=None)
    assert Account.objects.get().debt_tokens == 0
    assert broken() == []


@pytest.mark.parametrize(
    "wrong",
    [
        "key_owner, charged_tokens, price_kind, provider_cost_usd) SELECT {}, 'company', 5, 'own_key', 0",
        "key_owner, own_key_tokens, price_kind, provider_cost_usd) SELECT {}, 'platform', 5, 'free', 0",
        "key_owner, price_kind, provider_cost_usd) SELECT {}, 'company', 'free', 1",
        "key_owner, price_kind, provider_cost_usd) SELECT {}, 'platform', 'own_key', 0",
        "key_owner, price_kind, provider_cost_usd) SELECT {}, 'nobody', 'free', 0",
    ],
)
def test_the_database_refuses_a_row_that_says_otherwise(company, wrong):
    settle_hold(hold_id=hold(company, 300).hold_id, usages=[used(120)], answer=None)
    columns = (
        "company_id, hold_id, attempt_number, kind, operation, provider, model, status, usage_source, started_at, "
        "company_day"
    )
    statement = f"INSERT INTO tokens_usage_log ({columns}, {wrong.format(columns)} FROM tokens_usage_log"
    refused = pytest.raises(IntegrityError, match="own_key_is_free|own_key_says_so|tokens_key_owner")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
