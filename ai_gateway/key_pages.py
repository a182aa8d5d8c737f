"""What the pages of API keys show."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ai_gateway.routing import find_chain, parse_chain
from tenants.models import ApiKey, Company, KeyScope
from tenants.selectors import list_api_keys
from tokens.models import BudgetScope
from tokens.selectors.budgets import BudgetStatus, list_budgets

_EXPIRES_SOON = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    """A key as its company's admins see it. ``state``: active, expires_soon, expired or revoked."""

    key: ApiKey
    state: str
    scopes: Sequence[str]
    budgets: Sequence[BudgetStatus]

    @property
    def is_usable(self) -> bool:
        """Whether calls can be made with it."""
        return self.state in {"active", "expires_soon"}


def list_key_rows(company: Company) -> list[KeyRow]:
    """Describe all keys of a company, those that can be used first."""
    return describe_keys(company, list(list_api_keys(company)))


def describe_keys(company: Company, keys: Sequence[ApiKey]) -> list[KeyRow]:
    """Describe keys of one company, with their budgets in one query."""
    budgets: dict[str, list[BudgetStatus]] = defaultdict(list)
    for budget in list_budgets(company.pk, BudgetScope.KEY, [str(key.pk) for key in keys]):
        budgets[budget.scope_id].append(budget)
    return [
        KeyRow(
            key=key,
            state=_state_of(key),
            scopes=[KeyScope(scope).label for scope in key.scopes],
            budgets=budgets[str(key.pk)],
        )
        for key in keys
    ]


def choose_example_model(key: ApiKey) -> str:
    """Name a model that the key may use, for the examples: one it is limited to, else the one that judges CVs."""
    named = [name for name in key.allowed_models if not set(name) & set("*?")]
    if named:
        return str(named[0])
    chain = find_chain("scoring", key.company_id)
    return parse_chain(chain)[0].model if chain else "model-name"


def _state_of(key: ApiKey) -> str:
    now = datetime.now(UTC)
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None or key.expires_at > now + _EXPIRES_SOON:
        return "active"
    return "expires_soon" if key.expires_at > now else "expired"
