"""What a call lacks before anything is fetched for it: the same that its hold would say."""

from decimal import Decimal
from uuid import uuid4

import pytest

from ai_gateway.accounting import Tariff
from ai_gateway.effects import Candidate
from ai_gateway.http.affording import Room
from ai_gateway.planning import CallPlan
from ai_gateway.routing import Route
from tests.tokens.ledger import charge, hold, new_company
from tokens.errors import BudgetExceeded, InsufficientTokens
from tokens.models import BudgetPeriod, BudgetScope
from tokens.selectors import Balance
from tokens.selectors.budgets import TightestBudget, find_tightest_budget
from tokens.services.budgets import create_budget

BUDGET = uuid4()


def model(needed, counted=None):
    """A model whose call needs so many tokens at least; ``counted`` is by the tight bound."""
    plan = CallPlan(needed, 0, 0, Tariff(None, Decimal(0)), count_input=None if counted is None else lambda: counted)
    return Candidate(Route("one", "model"), plan)


def room(available, left=None):
    return Room(Balance(available_tokens=available), None if left is None else TightestBudget(BUDGET, left))


@pytest.mark.parametrize(
    ("there", "models", "lack"),
    [
        (room(100), [model(100)], None),
        (room(99), [model(100)], InsufficientTokens(99, 100, 0)),
        (room(99), [model(200, counted=99)], None),
        (room(99), [model(200, counted=100)], InsufficientTokens(99, 100, 0)),
        (room(99), [model(100), model(99)], None),
        (room(99), [model(101), model(100)], InsufficientTokens(99, 101, 0)),
        (room(100, left=99), [model(100)], BudgetExceeded(BUDGET, 99, 100)),
        (room(0, left=0), [model(1)], InsufficientTokens(0, 1, 0)),
        (Room(None, None), [model(10**9)], None),
        (Room(None, TightestBudget(BUDGET, 9)), [model(10)], BudgetExceeded(BUDGET, 9, 10)),
    ],
)
def test_it_lacks_what_no_model_of_it_can_do_without(there, models, lack):
    assert there.find_lack(models) == lack


@pytest.mark.django_db
def test_the_tightest_budget_is_the_one_that_a_hold_stops_at():
    company, key_id = new_company(tokens=1_000), uuid4()
    other = new_company(tokens=1_000, slug="other")
    call = {"operation": "cv_parse", "job_id": None, "user_id": 7, "api_key_id": key_id}
    assert find_tightest_budget(company.pk, **call) is None

    limits = {BudgetScope.COMPANY: 500, BudgetScope.OPERATION: 300, BudgetScope.KEY: 400, BudgetScope.USER: 1}
    scope_ids = {BudgetScope.OPERATION: "cv_parse", BudgetScope.KEY: str(key_id), BudgetScope.USER: "8"}
    budgets = {
        scope: create_budget(
            company_id=company.pk,
            scope=scope,
            scope_id=scope_ids.get(scope, ""),
            period=BudgetPeriod.DAY,
            limit_tokens=limit,
        )
        for scope, limit in limits.items()
    }
    create_budget(company_id=other.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.DAY, limit_tokens=0)
    charge(company, 100)
    hold(company, 50)

    assert find_tightest_budget(company.pk, **call) == TightestBudget(budgets[BudgetScope.OPERATION], 150)
    with pytest.raises(BudgetExceeded) as stopped:
        hold(company, 151)
    assert (stopped.value.budget_id, stopped.value.left_tokens) == (budgets[BudgetScope.OPERATION], 150)
