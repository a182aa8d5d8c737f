"""What the writers write into: companies with tokens, companies with budgets as well, and a million settled calls."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

_SETTLED_CALLS = Path(__file__).with_name("settled_calls.sql")
_TOKENS = 1_000_000_000_000  # no writer comes near the end of these
_COMPANIES = """
    INSERT INTO tenants_company (name, slug, time_zone, is_active)
    SELECT 'Company', gen_random_uuid()::text, 'Europe/Berlin', true FROM generate_series(1, %(count)s) RETURNING id
"""
_GRANTS = """
    SELECT count(*) FROM generate_series(%(first)s::bigint, %(last)s) company
    CROSS JOIN LATERAL tokens_grant(company, 'adjustment', NULL, %(tokens)s, 100, NULL, NULL, NULL, 'benchmark')
"""
_BUDGETS = """
    SELECT count(tokens_create_budget(company, scope, scope_id, 'month', %(tokens)s, 'stop'))
    FROM generate_series(%(first)s::bigint, %(last)s) company
    CROSS JOIN (VALUES ('company', ''), ('operation', 'scoring')) budget (scope, scope_id)
"""


@dataclass(frozen=True)
class Companies:
    """Consecutive ids, both included."""

    first: int
    last: int


def make_companies(owner: Connection, count: int) -> Companies:
    """Make companies with one allocation each."""
    ids = [row[0] for row in owner.execute(_COMPANIES, {"count": count}).fetchall()]
    companies = Companies(min(ids), max(ids))
    owner.execute(_GRANTS, {**vars(companies), "tokens": _TOKENS})
    return companies


def make_budgets(owner: Connection, companies: Companies) -> None:
    """Give each company two monthly budgets that every measured call counts in."""
    owner.execute(_BUDGETS, {**vars(companies), "tokens": _TOKENS})


def write_settled_calls(superuser: Connection, companies: Companies, calls: int) -> None:
    """Write so many settled calls of these companies at once."""
    text = _SETTLED_CALLS.read_text(encoding="utf-8")
    parameters = {"calls": calls, "first_company": companies.first, "last_company": companies.last}
    with superuser.transaction(), psycopg.ClientCursor(superuser) as cursor:
        cursor.execute(text, parameters)
