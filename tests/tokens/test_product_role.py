"""The product's role moves tokens through the ledger's functions; in no other way: test_database_refusals.py."""

import pytest
from django.db import connection

from tests.tokens.ledger import hold, new_company, used
from tokens.models import BudgetPeriod, BudgetScope
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.budgets import create_budget
from tokens.services.holds import release_hold, settle_hold, start_attempt

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_product():
    """Run the test's own statements as the role that the product connects with."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE winnow_app")
        yield
        cursor.execute("RESET ROLE")


def test_the_product_can_do_all_that_it_needs(as_product):
    company = new_company(tokens=1000)
    create_budget(company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.TOTAL, limit_tokens=900)
    placed = hold(company, 100, key="k", request_hash=b"a")
    number = start_attempt(
        hold_id=placed.hold_id, provider="openai", model="m", estimated_cost_usd=None, lease_seconds=9
    )
    settle_hold(hold_id=placed.hold_id, usages=[used(70, number=number)], answer={"text": "hi"})
    release_hold(hold_id=hold(company, 100).hold_id)

    upkeep.expire_allocations()
    assert upkeep.erase_answers() == 0
    upkeep.make_partitions(months_ahead=14)

    assert get_balance(company.pk).available_tokens == 930
    assert [result.name for result in audit_ledger() if not result.holds] == []


def test_the_audit_notices_rights_that_came_back():
    with connection.cursor() as cursor:
        cursor.execute("GRANT UPDATE ON tokens_usage_log TO winnow_app")

    assert [result.name for result in audit_ledger() if not result.holds] == ["product_role_lacks_rights"]
