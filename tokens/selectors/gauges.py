"""The state of all ledgers in a few numbers, for those who watch the machines."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class LedgerGauges:
    """Over all companies: what running calls hold, and what found no balance."""

    open_holds: int
    held_tokens: int
    overdue_holds: int
    companies_in_debt: int
    debt_tokens: int


_GAUGES = """
    SELECT hold.open_holds, hold.held_tokens, hold.overdue_holds, debt.companies, debt.tokens
    FROM (SELECT count(*) AS open_holds, coalesce(sum(held_tokens), 0)::bigint AS held_tokens,
                 count(*) FILTER (WHERE lease_expires_at < clock_timestamp()) AS overdue_holds
          FROM tokens_hold WHERE state = 'open') hold,
         (SELECT count(*) AS companies, coalesce(sum(debt_tokens), 0)::bigint AS tokens
          FROM tokens_account WHERE debt_tokens > 0) debt
"""


def read_gauges() -> LedgerGauges:
    """Read them in one query; the open holds by their index."""
    with connection.cursor() as cursor:
        cursor.execute(_GAUGES)
        return LedgerGauges(*cursor.fetchone())
