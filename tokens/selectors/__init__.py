"""Read the ledger. Every number of a page, API, check or command comes from here."""

from tokens.selectors.balance import (
    Balance,
    find_only_company_id,
    get_accurate_tokens_remaining,
    get_balance,
    list_balances,
)

__all__ = ["Balance", "find_only_company_id", "get_accurate_tokens_remaining", "get_balance", "list_balances"]
