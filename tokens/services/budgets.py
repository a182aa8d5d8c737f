"""Set limits on a company's use."""

from uuid import UUID

from tokens.models import Budget, BudgetAction, BudgetPeriod, BudgetScope
from tokens.services.statement import run
from tokens.sql.calls import CREATE_BUDGET


def create_budget(
    *,
    company_id: int,
    scope: BudgetScope,
    scope_id: str = "",
    period: BudgetPeriod,
    limit_tokens: int,
    action: BudgetAction = BudgetAction.STOP,
) -> UUID:
    """Set a limit. What was used in its scope before it existed counts in it, period by period."""
    parameters = {
        "company_id": company_id,
        "scope": scope.value,
        "scope_id": scope_id,
        "period": period.value,
        "limit_tokens": limit_tokens,
        "action": action.value,
    }
    (budget_id,) = run(CREATE_BUDGET, parameters)
    return UUID(str(budget_id))


def change_budget(*, budget: Budget, limit_tokens: int, action: BudgetAction, is_active: bool) -> None:
    """Change what a budget allows. Scope and period stay: another scope is another budget."""
    Budget.objects.filter(pk=budget.pk).update(limit_tokens=limit_tokens, action=action, is_active=is_active)


def set_budget(
    *,
    company_id: int,
    scope: BudgetScope,
    scope_id: str = "",
    period: BudgetPeriod,
    limit_tokens: int | None,
    action: BudgetAction = BudgetAction.STOP,
) -> None:
    """Let a scope have this limit in this period, whatever limit it had in it before; None takes the limit away."""
    known = Budget.objects.filter(company_id=company_id, scope=scope, scope_id=scope_id, period=period)
    if limit_tokens is None:
        known.update(is_active=False)
    elif not known.update(limit_tokens=limit_tokens, action=action, is_active=True):
        create_budget(
            company_id=company_id,
            scope=scope,
            scope_id=scope_id,
            period=period,
            limit_tokens=limit_tokens,
            action=action,
        )
