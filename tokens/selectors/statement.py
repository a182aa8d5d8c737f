"""A company's statement: what it had, every movement in between, and what it has then.

**Which day an entry belongs to.** A statement is one stretch of the ledger in commit order, cut at the company's
midnights as ``tokens/sql/seals.sql`` defines: an entry counts on the day on which it was recorded, as a bank books a
payment; ``company_day`` beside it is the day that it is for. A call placed at 23:59 and settled at 00:01 is on the next
day's statement. (The usage pages count it on the day of the hold, so the two may differ by calls across midnight.)

**Late commits.** Once a day is closed by a seal, its statement never changes: an entry that was recorded on it and
commits later appears in the next statement. Before that, its statement is provisional.

**Chaining.** The end of one period is the beginning of the next, by one function: read from one snapshot, or once the
days are closed, the closing balance of a period is the opening balance of the one that follows, whatever is written
meanwhile. Cutting by ``company_day`` would let a late settlement change statements that were handed out; cutting by
``recorded_at`` alone would give a running balance that jumps between statements.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from tokens.models import Allocation, EntryKind, Seal
from tokens.periods import Period
from tokens.selectors.entries import EntryRow, Position, get_balance_after, list_entries, stream_entries


@dataclass(frozen=True)
class KindTotal:
    """What the entries of one kind add up to."""

    kind: EntryKind
    entries: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Statement:
    """The frame of a statement: ``opening_tokens`` + the sum of ``totals`` = ``closing_tokens``.

    Balances are true ones: held tokens included, debt taken off. ``unsealed_entries`` of it are in no seal yet;
    ``is_closed`` says that no entry can join it any more. Its entries are those of the transactions from ``from_xact``
    to below ``to_xact``.
    """

    company_id: int
    period: Period
    from_xact: int
    to_xact: int
    opening_tokens: int
    closing_tokens: int
    totals: Sequence[KindTotal]
    unsealed_entries: int
    is_closed: bool

    @property
    def entry_count(self) -> int:
        """How many movements it has."""
        return sum(total.entries for total in self.totals)


@dataclass(frozen=True)
class Movement:
    """One line of a statement. ``source`` is that of its allocation, empty for debt."""

    entry: EntryRow
    source: str
    balance_tokens: int


_FRAME = """
    SELECT tokens_day_cut(%(company_id)s, %(first)s)::text::bigint,
           tokens_day_cut(%(company_id)s, %(last)s::date + 1)::text::bigint,
           coalesce(seal.to_xact, '0')::text::bigint,
           coalesce(seal.company_day + seal.closes_day::int > %(last)s, false)
    FROM tokens_last_seal(%(company_id)s) seal
"""
_TOTALS = """
    SELECT kind, count(*), sum(delta_tokens)::bigint, count(*) FILTER (WHERE xact_id >= %(sealed_to)s::text::xid8)
    FROM tokens_ledger_entry
    WHERE company_id = %(company_id)s
      AND xact_id >= %(from_xact)s::text::xid8 AND xact_id < %(to_xact)s::text::xid8
    GROUP BY kind
"""


def get_statement(company_id: int, period: Period) -> Statement:
    """Compute the frame of a period's statement.

    Read frame and movements inside ``one_snapshot()``, so that they agree while the company spends.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FRAME, {"company_id": company_id, "first": period.first, "last": period.last})
        from_xact, to_xact, sealed_to, is_closed = cursor.fetchone()
        bounds = {"company_id": company_id, "from_xact": from_xact, "to_xact": to_xact, "sealed_to": sealed_to}
        cursor.execute(_TOTALS, bounds)
        by_kind = {row[0]: row[1:] for row in cursor.fetchall()}
    totals = [KindTotal(kind, *by_kind[kind][:2]) for kind in EntryKind if kind in by_kind]
    opening = get_balance_after(company_id, Position(from_xact))
    return Statement(
        company_id=company_id,
        period=period,
        from_xact=from_xact,
        to_xact=to_xact,
        opening_tokens=opening,
        closing_tokens=opening + sum(total.tokens for total in totals),
        totals=totals,
        unsealed_entries=sum(row[2] for row in by_kind.values()),
        is_closed=is_closed,
    )


def list_movements(statement: Statement, *, after: Position | None = None, limit: int = 100) -> list[Movement]:
    """List one page of a statement in commit order: from its beginning, or after the last entry of the page before."""
    start = after or Position(statement.from_xact)
    entries = list_entries(statement.company_id, after=start, to_xact=statement.to_xact, limit=limit)
    opening = get_balance_after(statement.company_id, start) if after else statement.opening_tokens
    return list(_with_balance(statement.company_id, entries, opening))


def stream_movements(statement: Statement) -> Iterator[Movement]:
    """Yield every movement of a statement in commit order; memory stays flat."""
    start = Position(statement.from_xact)
    entries = stream_entries(statement.company_id, after=start, to_xact=statement.to_xact)
    return _with_balance(statement.company_id, entries, statement.opening_tokens)


def list_seals(statement: Statement) -> list[Seal]:
    """List the seals that the statement's entries lie in, in order; none of them reaches beyond it."""
    days = (statement.period.first, statement.period.last)
    return list(Seal.objects.filter(company_id=statement.company_id, company_day__range=days).order_by("number"))


def _with_balance(company_id: int, entries: Iterable[EntryRow], balance: int) -> Iterator[Movement]:
    sources = dict(Allocation.objects.filter(company_id=company_id).values_list("id", "source"))
    for entry in entries:
        balance += entry.delta_tokens
        yield Movement(entry, sources.get(entry.allocation_id, ""), balance)
