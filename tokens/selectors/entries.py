"""Read a company's ledger as one line in commit order: by ``(xact_id, id)``, page after page.

Memory stays flat and a page costs the same wherever it lies. Start times and UUIDs are not commit order (law 8).
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from tokens.seal_format import ENTRY_FIELDS

# What the database answers for "no such transaction yet".
OPEN_END = 2**63 - 1
_PAGE_ROWS = 2_000
_FIRST_ID = UUID(int=0)


class Position(NamedTuple):
    """A place in a company's ledger: just after the entry ``id`` of transaction ``xact_id``."""

    xact_id: int
    id: UUID = _FIRST_ID


class EntryRow(NamedTuple):
    """One ledger entry, as it is sealed: ``tokens.seal_format.ENTRY_FIELDS``."""

    xact_id: int
    id: UUID
    recorded_at: datetime
    company_day: date
    kind: str
    delta_tokens: int
    allocation_id: UUID | None
    usage_log_id: UUID | None
    hold_id: UUID | None
    corrects_id: UUID | None
    actor_id: int | None
    reason_code: str

    @property
    def position(self) -> Position:
        """The place just after this entry."""
        return Position(self.xact_id, self.id)


# Ordered by the table's own column: the selected number has the same name, but no index.
_PAGE = f"""
    SELECT e.xact_id::text::bigint, {", ".join(f"e.{name}" for name in ENTRY_FIELDS[1:])} FROM tokens_ledger_entry e
    WHERE e.company_id = %(company_id)s AND e.xact_id < %(to_xact)s::text::xid8
      AND (e.xact_id, e.id) > (%(xact_id)s::text::xid8, %(id)s)
    ORDER BY e.xact_id, e.id LIMIT %(limit)s
"""
_BALANCE = """
    SELECT (coalesce(seal.balance_tokens, 0) + coalesce((
        SELECT sum(delta_tokens) FROM tokens_ledger_entry
        WHERE company_id = %(company_id)s AND xact_id >= coalesce(seal.to_xact, '0')
          AND (xact_id, id) <= (%(xact_id)s::text::xid8, %(id)s)), 0))::bigint
    FROM (VALUES (1)) AS once
    LEFT JOIN LATERAL (
        SELECT balance_tokens, to_xact FROM tokens_seal
        WHERE company_id = %(company_id)s AND to_xact <= %(xact_id)s::text::xid8 ORDER BY number DESC LIMIT 1
    ) seal ON true
"""


def list_entries(company_id: int, *, after: Position, to_xact: int, limit: int) -> list[EntryRow]:
    """List the next ``limit`` entries after a position, of transactions below ``to_xact``."""
    parameters = {"company_id": company_id, **after._asdict(), "to_xact": to_xact, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, parameters)
        return [EntryRow(*row) for row in cursor.fetchall()]


def stream_entries(company_id: int, *, after: Position, to_xact: int) -> Iterator[EntryRow]:
    """Yield every entry after a position, of transactions below ``to_xact``."""
    while page := list_entries(company_id, after=after, to_xact=to_xact, limit=_PAGE_ROWS):
        yield from page
        after = page[-1].position


def get_balance_after(company_id: int, position: Position) -> int:
    """Compute the true balance at a place in the ledger, debt included, from the last seal before it on."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE, {"company_id": company_id, **position._asdict()})
        (balance,) = cursor.fetchone()
    return int(balance)
