"""What budgets allow and what is used of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tokens.models import BudgetAction, BudgetPeriod, BudgetScope


@dataclass(frozen=True)
class BudgetStatus:
    """A budget in its current period. ``used_tokens`` and ``held_tokens`` together are what counts against it."""

    id: UUID
    scope_id: str
    period: BudgetPeriod
    action: BudgetAction
    limit_tokens: int
    used_tokens: int
    held_tokens: int

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of it."""
        return self.used_tokens + self.held_tokens >= self.limit_tokens

    @property
    def stops(self) -> bool:
        """Whether calls are refused at the limit."""
        return self.action == BudgetAction.STOP


@dataclass(frozen=True)
class TightestBudget:
    """Of the budgets that a call counts in and that stop at their limit, the one that stops it first."""

    id: UUID
    left_tokens: int


_TIGHTEST_BUDGET = """
    SELECT b.budget_id, greatest(0, b.left_tokens)
    FROM tokens_budgets_of(
        %(company_id)s, %(operation)s, %(job_id)s, %(user_id)s, %(api_key_id)s,
        tokens_company_day(%(company_id)s, clock_timestamp())) b
    WHERE b.stops ORDER BY b.left_tokens LIMIT 1
"""

_ACTIVE_BUDGETS = """
    SELECT b.id, b.scope_id, b.period, b.action, b.limit_tokens, coalesce(u.used_tokens, 0), coalesce(u.held_tokens, 0)
    FROM tokens_budget b
    LEFT JOIN tokens_budget_use u ON u.budget_id = b.id
     AND u.period_start = tokens_period_start(b.period, tokens_company_day(b.company_id, clock_timestamp()))
    WHERE b.company_id = %(company_id)s AND b.scope = %(scope)s AND b.scope_id = ANY(%(scope_ids)s) AND b.is_active
    ORDER BY array_position(ARRAY['day', 'week', 'month', 'total'], b.period::text), b.id
"""


def list_budgets(company_id: int, scope: BudgetScope, scope_ids: Iterable[str]) -> list[BudgetStatus]:
    """List the active budgets of several jobs, people, operations or keys, the shortest period first."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE_BUDGETS, {"company_id": company_id, "scope": scope.value, "scope_ids": list(scope_ids)})
        return [
            BudgetStatus(budget_id, scope_id, BudgetPeriod(period), BudgetAction(action), *counts)
            for budget_id, scope_id, period, action, *counts in cursor.fetchall()
        ]


def find_tightest_budget(
    company_id: int, *, operation: str, job_id: UUID | None, user_id: int | None, api_key_id: UUID | None
) -> TightestBudget | None:
    """Find the budget that stops such a call first, as a hold would now, or None where none can stop it."""
    scopes = {"operation": operation, "job_id": job_id, "user_id": user_id, "api_key_id": api_key_id}
    with connection.cursor() as cursor:
        cursor.execute(_TIGHTEST_BUDGET, {"company_id": company_id, **scopes})
        found = cursor.fetchone()
    return None if found is None else TightestBudget(*found)
