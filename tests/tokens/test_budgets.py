"""Budgets are part of the hold: all or nothing with the balance."""

from uuid import UUID

import pytest
from django.db import connection

from tests.tokens.ledger import end_lease, hold, new_company, used
from tokens.errors import BudgetExceeded
from tokens.models import Budget, BudgetAction, BudgetPeriod, BudgetScope, BudgetUse, Hold
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import change_budget, create_budget
from tokens.services.holds import Attribution, extend_hold, release_hold, settle_hold

pytestmark = pytest.mark.django_db

JOB, OTHER_JOB = UUID(int=1), UUID(int=2)


def budget(company, limit, **options):
    options = {"scope": BudgetScope.COMPANY, "period": BudgetPeriod.MONTH, **options}
    return create_budget(company_id=company.pk, limit_tokens=limit, **options)


def use(budget_id):
    row = BudgetUse.objects.get(budget_id=budget_id)
    return row.used_tokens, row.held_tokens


def test_a_hold_counts_in_its_budget_and_a_settlement_turns_it_into_use():
    company = new_company(tokens=1000)
    limit = budget(company, 500)

    placed = hold(company, 300)
    assert use(limit) == (0, 300)
    settle_hold(hold_id=placed.hold_id, usages=[used(120)], answer=None)

    assert use(limit) == (120, 0)


def test_a_budget_refuses_what_the_balance_would_allow_and_nothing_is_held():
    company = new_company(tokens=1000)
    limit = budget(company, 500)
    hold(company, 300)

    with pytest.raises(BudgetExceeded) as refusal:
        hold(company, 201)

    assert (refusal.value.budget_id, refusal.value.left_tokens) == (limit, 200)
    assert get_balance(company.pk).held_tokens == 300
    assert use(limit) == (0, 300)


def test_the_tightest_of_several_budgets_clamps_the_hold():
    company = new_company(tokens=1000)
    budget(company, 500)
    budget(company, 90, scope=BudgetScope.OPERATION, scope_id="cv_parse", period=BudgetPeriod.DAY)

    assert hold(company, 300, minimum=50).held_tokens == 90


def test_a_warning_budget_counts_and_never_stops():
    company = new_company(tokens=1000)
    limit = budget(company, 100, action=BudgetAction.WARN)

    hold(company, 300)

    assert use(limit) == (0, 300)


@pytest.mark.parametrize(
    ("scope", "scope_id", "attribution"),
    [
        (BudgetScope.JOB, str(JOB), Attribution(job_id=JOB)),
        (BudgetScope.USER, "7", Attribution(user_id=7)),
        (BudgetScope.KEY, str(JOB), Attribution(api_key_id=JOB)),
    ],
)
def test_a_scope_counts_its_own_calls_alone(scope, scope_id, attribution):
    company = new_company(tokens=1000)
    limit = budget(company, 100, scope=scope, scope_id=scope_id)

    hold(company, 300, attribution=Attribution(job_id=OTHER_JOB, user_id=8))
    hold(company, 60, attribution=attribution)

    assert use(limit) == (0, 60)
    with pytest.raises(BudgetExceeded):
        hold(company, 60, attribution=attribution)


def test_a_new_budget_knows_what_was_used_and_is_held_before_it():
    company = new_company(tokens=1000)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(70)], answer=None)
    hold(company, 30)

    assert use(budget(company, 500)) == (70, 30)


def test_a_release_and_an_expiry_give_the_budget_back():
    company = new_company(tokens=1000)
    limit = budget(company, 500)
    release_hold(hold_id=hold(company, 100).hold_id)
    lost = hold(company, 200)
    end_lease(lost.hold_id)
    upkeep.expire_holds()
    assert use(limit) == (0, 0)

    settle_hold(hold_id=lost.hold_id, usages=[used(150)], answer=None)

    assert use(limit) == (150, 0)


def test_a_late_settlement_counts_in_the_period_of_its_hold():
    company = new_company(tokens=1000)
    limit = budget(company, 500, period=BudgetPeriod.DAY)
    placed = hold(company, 100)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_hold SET company_day = company_day - 1")
        cursor.execute("UPDATE tokens_budget_use SET period_start = period_start - 1")

    settle_hold(hold_id=placed.hold_id, usages=[used(50)], answer=None)

    day_before = Hold.objects.get().company_day
    assert list(BudgetUse.objects.values_list("budget_id", "period_start", "used_tokens")) == [(limit, day_before, 50)]


def test_an_inactive_budget_does_not_stop_but_goes_on_counting():
    company = new_company(tokens=1000)
    limit = budget(company, 100)
    change_budget(budget=Budget.objects.get(), limit_tokens=100, action=BudgetAction.STOP, is_active=False)

    hold(company, 300)

    assert use(limit) == (0, 300)


def test_an_extension_takes_tokens_within_balance_and_budget_or_none():
    company = new_company(tokens=1000)
    limit = budget(company, 500)
    placed = hold(company, 300)

    assert extend_hold(hold_id=placed.hold_id, more_tokens=200, lease_seconds=60) is True
    assert extend_hold(hold_id=placed.hold_id, more_tokens=1, lease_seconds=60) is False

    assert Hold.objects.get().held_tokens == 500
    assert use(limit) == (0, 500)
    assert get_balance(company.pk).held_tokens == 500


def test_the_audit_compares_budgets_with_their_scope():
    company = new_company(tokens=1000)
    budget(company, 500)
    budget(company, 500, period=BudgetPeriod.TOTAL, scope=BudgetScope.OPERATION, scope_id="cv_parse")
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(70)], answer=None)
    hold(company, 30)
    assert [result.name for result in audit_ledger() if not result.holds] == []

    BudgetUse.objects.filter(budget__period="total").update(used_tokens=71)

    assert [result.name for result in audit_ledger() if not result.holds] == ["budgets_equal_their_scope"]
