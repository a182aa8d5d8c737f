"""What a company's books say, without ids and times: the same form for the model and for the database.

Rows are named by their place (third allocation, first hold), so that two ledgers can be compared.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

from tests.tokens.proof.model import Company
from tokens.selectors import get_balance

_READ = """
    WITH allocation AS (
        SELECT a.*, row_number() OVER (ORDER BY created_at, id) - 1 AS place
        FROM tokens_allocation a WHERE company_id = %(company_id)s
    ), hold AS (
        SELECT h.*, row_number() OVER (ORDER BY placed_at, id) - 1 AS place
        FROM tokens_hold h WHERE company_id = %(company_id)s
    ), log AS (
        SELECT log.*, hold.place AS hold_place FROM tokens_usage_log log JOIN hold ON hold.id = log.hold_id
        WHERE log.company_id = %(company_id)s
    )
    SELECT json_build_object(
        'debt', (SELECT debt_tokens FROM tokens_account WHERE company_id = %(company_id)s),
        'allocations', (
            SELECT json_agg(json_build_array(
                source, priority, allocated_tokens, used_tokens, held_tokens, expired_tokens, revoked_tokens
            ) ORDER BY place) FROM allocation),
        'holds', (
            SELECT json_agg(json_build_array(
                state, held_tokens, charged_tokens, company_day,
                (SELECT json_agg(json_build_array(allocation.place, part.tokens) ORDER BY allocation.place)
                 FROM tokens_hold_part part JOIN allocation ON allocation.id = part.allocation_id
                 WHERE part.hold_id = hold.id),
                (SELECT json_agg(t.state ORDER BY t.number) FROM tokens_attempt t WHERE t.hold_id = hold.id)
            ) ORDER BY hold.place) FROM hold),
        'logs', (
            SELECT json_agg(json_build_array(
                hold_place, attempt_number, kind, status, company_day, charged_tokens, own_key_tokens, debt_tokens,
                absorbed_tokens
            )) FROM log),
        'entries', (
            SELECT json_agg(json_build_array(
                e.kind, e.delta_tokens, e.company_day, allocation.place, log.hold_place, log.attempt_number
            )) FROM tokens_ledger_entry e
            LEFT JOIN allocation ON allocation.id = e.allocation_id LEFT JOIN log ON log.id = e.usage_log_id
            WHERE e.company_id = %(company_id)s),
        'budgets', (
            SELECT json_agg((
                SELECT json_agg(json_build_array(u.period_start, u.used_tokens, u.held_tokens) ORDER BY u.period_start)
                FROM tokens_budget_use u WHERE u.budget_id = b.id AND (u.used_tokens, u.held_tokens) <> (0, 0)
            ) ORDER BY b.created_at, b.id) FROM tokens_budget b WHERE b.company_id = %(company_id)s),
        'keys', (
            SELECT json_agg(json_build_array(scope, key)) FROM tokens_idempotency_key
            WHERE company_id = %(company_id)s AND scope <> 'rollover')
    )
"""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Books:
    """One company's books; two are equal when nobody could tell the ledgers apart."""

    debt: int
    balance: Row
    allocations: list[Row]
    holds: list[Row]
    logs: list[Row]
    entries: list[Row]
    budgets: list[Row]
    keys: list[Row]


def read_books(company_id: int) -> Books:
    """Read the books of a company in the database; the balance is what the product's selector says."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:  # of Django's, none prepares: planning takes the longest
        (found,) = cursor.execute(_READ, {"company_id": company_id}, prepare=True).fetchone()
    balance = get_balance(company_id)
    return Books(
        debt=found["debt"] or 0,
        balance=(
            balance.allocated_tokens,
            balance.used_tokens,
            balance.held_tokens,
            balance.debt_tokens,
            balance.available_tokens,
            balance.expiring_tokens,
        ),
        allocations=_rows(found["allocations"]),
        holds=_rows(found["holds"]),
        logs=sorted(_rows(found["logs"])),
        entries=sorted(_rows(found["entries"]), key=repr),
        budgets=_rows(found["budgets"]),
        keys=sorted(_rows(found["keys"])),
    )


def write_books(company: Company) -> Books:
    """Say what the books of the model's company are."""
    effective = [a for a in company.allocations if a.is_usable(company.now)]
    return Books(
        debt=company.debt,
        balance=(
            sum(company.entered(a, "grant") for a in effective),
            -sum(company.entered(a, "usage", "refund", "debt_repayment") for a in effective),
            sum(company.held(a) for a in effective),
            company.debt,
            company.available,
            _expiring_next(company),
        ),
        allocations=[
            (
                allocation.source,
                allocation.priority,
                company.entered(allocation, "grant"),
                -company.entered(allocation, "usage", "refund", "debt_repayment"),
                company.held(allocation),
                -company.entered(allocation, "expiry"),
                -company.entered(allocation, "revocation"),
            )
            for allocation in company.allocations
        ],
        holds=[
            (
                hold.state,
                hold.held,
                hold.charged,
                hold.day.isoformat(),
                tuple(sorted((allocation.place, tokens) for allocation, tokens in hold.parts.items())) or None,
                tuple(attempt.state for attempt in hold.attempts),
            )
            for hold in company.holds
        ],
        logs=sorted(
            (
                log.hold.place,
                log.number,
                log.kind,
                log.status,
                log.day.isoformat(),
                log.charged,
                log.own,
                log.debt,
                log.absorbed,
            )
            for log in company.logs
        ),
        entries=sorted(
            (
                (
                    entry.kind,
                    entry.delta,
                    entry.day.isoformat(),
                    entry.allocation.place if entry.allocation else None,
                    entry.log.hold.place if entry.log else None,
                    entry.log.number if entry.log else None,
                )
                for entry in company.entries
            ),
            key=repr,
        ),
        budgets=[
            tuple(
                (start.isoformat(), *use) for start, use in sorted(company.budget_use(budget).items()) if use != (0, 0)
            )
            or None
            for budget in company.budgets
        ],
        keys=sorted(company.keys),
    )


def _expiring_next(company: Company) -> int:
    expiring = [(a.expires_at, tokens) for a, tokens in company.free_purses() if a.expires_at and tokens]
    first = min((moment for moment, _tokens in expiring), default=None)
    return sum(tokens for moment, tokens in expiring if moment == first)


def _rows(found: list[Any] | None) -> list[Row]:
    return [_row(row) for row in found or []]


def _row(value: Any) -> Any:
    return tuple(_row(item) for item in value) if isinstance(value, list) else value
