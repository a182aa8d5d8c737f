"""Repairs mend what the audit finds, by new rows, and a second run finds nothing to do."""

import pytest
from django.db import connection

from billing.services.subscriptions import subscribe
from tests.tokens.ledger import end_lease, grant, hold, new_company, used
from tests.tokens.test_audit import lifted_guards
from tokens.models import AuditRun, BudgetPeriod, BudgetScope, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services.budgets import create_budget
from tokens.services.holds import settle_hold
from tokens.services.repairs import find_repair, record_audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    company = new_company(tokens=1000)
    subscribe(company)
    create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.MONTH, limit_tokens=900)
    settle_hold(hold_id=hold(company, 400).hold_id, usages=[used(150)], answer=None)
    hold(company, 20)
    return company


def damage(statement):
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute(statement)


def repair_all():
    """Do what fix_tracking does; returns the names of checks that found something."""
    broken = [result for result in audit_ledger(examples=1000) if not result.holds]
    for result in broken:
        find_repair(result.name)(result.examples, 7)
    return {result.name for result in broken}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tokens_allocation SET used_tokens = used_tokens + 5",
        "UPDATE tokens_allocation SET held_tokens = 0",
        "UPDATE tokens_account SET debt_tokens = 9",
        "UPDATE tokens_budget_use SET used_tokens = 1, held_tokens = 0",
        "DELETE FROM tokens_budget_use",
    ],
)
def test_counters_are_rebuilt_from_entries_and_holds(company, statement):
    before = get_balance(company.pk)
    damage(statement)

    assert repair_all()
    assert repair_all() == set()

    assert get_balance(company.pk) == before


def test_a_charge_without_entries_is_entered_by_a_reconciliation(company):
    damage("DELETE FROM tokens_ledger_entry WHERE kind = 'usage'")

    repair_all()

    assert repair_all() == set()
    row = UsageLog.objects.get(kind="reconciliation")
    assert (row.charged_tokens, row.absorbed_tokens, row.actor_id, row.reason_code) == (0, 0, 7, "entries_missing")
    assert LedgerEntry.objects.get(usage_log_id=row.pk).delta_tokens == -150
    assert get_balance(company.pk).used_tokens == 150


def test_what_the_balance_cannot_pay_any_more_is_absorbed():
    company = new_company(tokens=1000)
    settle_hold(hold_id=hold(company, 400).hold_id, usages=[used(150)], answer=None)
    damage("DELETE FROM tokens_ledger_entry WHERE kind = 'usage'")
    damage("UPDATE tokens_ledger_entry SET delta_tokens = 100")
    damage("UPDATE tokens_allocation SET allocated_tokens = 100, used_tokens = 0")

    repair_all()

    assert repair_all() == set()
    assert UsageLog.objects.get(kind="reconciliation").absorbed_tokens == 50


def test_a_charge_entered_too_much_goes_back(company):
    damage("UPDATE tokens_ledger_entry SET delta_tokens = -200 WHERE kind = 'usage'")

    repair_all()

    assert repair_all() == set()
    assert LedgerEntry.objects.get(kind="refund").delta_tokens == 50
    assert get_balance(company.pk).used_tokens == 150


def test_an_overdue_hold_is_given_back(company):
    placed = hold(company, 30)
    end_lease(placed.hold_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tokens_hold SET lease_expires_at = now() - interval '1 hour' WHERE id = %s", [placed.hold_id]
        )

    assert repair_all() == {"holds_end_after_their_lease"}
    assert repair_all() == set()


def test_a_missing_guard_is_left_to_a_person():
    assert find_repair("append_only_is_guarded") is None


def test_the_scheduled_audit_is_kept_for_the_staff(company):
    grant(company, 5)
    record_audit()
    damage("UPDATE tokens_account SET debt_tokens = 9")
    record_audit()

    assert list(AuditRun.objects.values_list("broken_checks", flat=True)) == [1, 0]
    broken = [result for result in AuditRun.objects.first().results if result["found"]]
    assert broken[0]["examples"][0]["company_id"] == company.pk
