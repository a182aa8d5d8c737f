"""Check a company's seals against the rows that they were made of, and see what waits to be sealed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.db import connection

from tokens.models import Seal
from tokens.seal_format import NO_SEAL_BEFORE, SEAL_FIELDS, SealHash
from tokens.selectors.entries import Position, stream_entries


@dataclass(frozen=True)
class Unsealed:
    """What a run would seal of one company."""

    company_id: int
    company: str
    entries: int
    first_day: date


_UNSEALED = """
    SELECT company.id, company.slug, waiting.entries, waiting.first_day
    FROM tokens_account account
    JOIN tenants_company company ON company.id = account.company_id
    CROSS JOIN LATERAL tokens_last_seal(company.id) last
    CROSS JOIN LATERAL (
        SELECT count(*) AS entries, min((e.recorded_at AT TIME ZONE company.time_zone)::date) AS first_day
        FROM tokens_ledger_entry e
        WHERE e.company_id = company.id AND e.xact_id >= coalesce(last.to_xact, '0')
          AND e.xact_id < pg_snapshot_xmin(pg_current_snapshot())
          AND e.xact_id < tokens_day_cut(
              company.id, tokens_company_day(company.id, clock_timestamp()) + %(include_today)s::int)
    ) waiting
    WHERE waiting.entries > 0 AND (%(company_id)s::bigint IS NULL OR company.id = %(company_id)s)
    ORDER BY company.id
"""


_COMPANIES = """
    SELECT account.company_id FROM tokens_account account
    CROSS JOIN LATERAL tokens_last_seal(account.company_id) last
    WHERE (%(company_id)s::bigint IS NULL OR account.company_id = %(company_id)s) AND EXISTS (
        SELECT 1 FROM tokens_ledger_entry e
        WHERE e.company_id = account.company_id AND e.xact_id >= coalesce(last.to_xact, '0'))
    ORDER BY account.company_id
"""


def list_companies_with_unsealed_entries(*, company_id: int | None = None) -> list[int]:
    """List the ids of the companies whose ledger has moved on since their last seal; their days may not be over."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPANIES, {"company_id": company_id})
        return [row[0] for row in cursor.fetchall()]


def list_unsealed(*, company_id: int | None = None, include_today: bool = False) -> list[Unsealed]:
    """List the companies with something to seal: of days that are over, or of today as well."""
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED, {"company_id": company_id, "include_today": include_today})
        return [Unsealed(*row) for row in cursor.fetchall()]


class Damage(StrEnum):
    """How a seal differs from its rows, its neighbours, or what was exported of it."""

    ROWS_CHANGED = "rows changed"
    ROWS_REMOVED = "rows removed"
    ROWS_ADDED = "rows added"
    SEAL_CHANGED = "seal changed"
    SEAL_MISSING = "seal missing"
    NOT_AS_EXPORTED = "not as exported"


@dataclass(frozen=True)
class Difference:
    """The first seal of a company that does not hold."""

    number: int
    damage: Damage
    detail: str


@dataclass(frozen=True)
class Verification:
    """The outcome for one company: how much was read, its newest seal, and the first that differs if one does."""

    seals: int
    entries: int
    last: Seal | None
    difference: Difference | None


@dataclass(frozen=True)
class _Recount:
    """What the rows of a seal's stretch come to now.

    ``sha256`` is over them and the seal's line as it is stored, ``recounted_sha256`` over them and a line with the
    counts and the balance that they come to.
    """

    entry_count: int
    delta_tokens: int
    sha256: str
    recounted_sha256: str


def verify_seals(
    company_id: int, *, exported: Mapping[int, str] | None = None, on_seal: Callable[[Seal], None] | None = None
) -> Verification:
    """Make every seal anew from the rows, compare, and stop at the first that differs.

    ``exported`` holds SHA-256 by seal number, as handed out earlier: it finds even a ledger whose seals were all made
    anew after a change. Nothing is locked and memory stays flat: sealed rows do not change.
    """
    seals = entries = 0
    before: Seal | None = None
    difference: Difference | None = None
    for seal in Seal.objects.filter(company_id=company_id).order_by("number").iterator():
        difference = _check_number(seal, before)
        if difference is None:
            recount = _recount(seal, before)
            difference = _check_rows(seal, recount) or _check_link(seal, before)
            entries += recount.entry_count
        if difference is not None:
            break
        seals += 1
        before = seal
        if on_seal is not None:
            on_seal(seal)
    earliest = [found for found in (difference, _check_exported(company_id, exported or {})) if found]
    return Verification(seals, entries, before, min(earliest, key=lambda found: found.number, default=None))


def _recount(seal: Seal, before: Seal | None) -> _Recount:
    """Read the rows of a seal's stretch again."""
    digest = SealHash(seal.previous_sha256)
    entry_count = delta_tokens = 0
    for entry in stream_entries(seal.company_id, after=Position(int(seal.from_xact)), to_xact=int(seal.to_xact)):
        digest.add_entry(entry)
        entry_count += 1
        delta_tokens += entry.delta_tokens
    stored = {name: getattr(seal, name) for name in SEAL_FIELDS}
    balance_tokens = (before.balance_tokens if before else 0) + delta_tokens
    counted = {"entry_count": entry_count, "delta_tokens": delta_tokens, "balance_tokens": balance_tokens}
    recounted = {**stored, **counted}
    return _Recount(entry_count, delta_tokens, digest.finish(stored.values()), digest.finish(recounted.values()))


def _check_number(seal: Seal, before: Seal | None) -> Difference | None:
    number = before.number + 1 if before else 1
    if seal.number == number:
        return None
    return Difference(number, Damage.SEAL_MISSING, f"seal {seal.number} follows where seal {number} should be")


def _check_rows(seal: Seal, recount: _Recount) -> Difference | None:
    """Compare hash and counts. Where they differ, tell whether the rows were changed or what is stored of the seal."""
    counts_hold = (seal.entry_count, seal.delta_tokens) == (recount.entry_count, recount.delta_tokens)
    if recount.sha256 == seal.sha256 and counts_hold:
        return None
    if recount.recounted_sha256 == seal.sha256:
        return Difference(seal.number, Damage.SEAL_CHANGED, "its rows and its hash agree, its counts do not")
    after = Seal.objects.filter(company_id=seal.company_id, number=seal.number + 1).first()
    if after is not None and after.previous_sha256 == recount.sha256:
        return Difference(seal.number, Damage.SEAL_CHANGED, "its rows and the seal after it agree, its hash does not")
    found = f"{recount.entry_count} entries of {recount.delta_tokens} tokens"
    detail = f"{found}; sealed were {seal.entry_count} of {seal.delta_tokens}"
    if recount.entry_count == seal.entry_count:
        return Difference(seal.number, Damage.ROWS_CHANGED, detail)
    fewer = recount.entry_count < seal.entry_count
    return Difference(seal.number, Damage.ROWS_REMOVED if fewer else Damage.ROWS_ADDED, detail)


def _check_link(seal: Seal, before: Seal | None) -> Difference | None:
    """Compare where this seal starts with where the one before ends. Its own hash holds: what differs is the other."""
    starts = (seal.previous_sha256, seal.from_xact, seal.balance_tokens - seal.delta_tokens)
    if starts == ((before.sha256, before.to_xact, before.balance_tokens) if before else (NO_SEAL_BEFORE, "0", 0)):
        return None
    detail = f"seal {seal.number}, which holds, was made over {seal.previous_sha256}"
    return Difference(before.number if before else seal.number, Damage.SEAL_CHANGED, detail)


def _check_exported(company_id: int, exported: Mapping[int, str]) -> Difference | None:
    stored = dict(Seal.objects.filter(company_id=company_id, number__in=exported).values_list("number", "sha256"))
    for number, sha256 in sorted(exported.items()):
        if number not in stored:
            return Difference(number, Damage.SEAL_MISSING, f"it was exported as {sha256}")
        if stored[number] != sha256:
            return Difference(number, Damage.NOT_AS_EXPORTED, f"exported as {sha256}, stored as {stored[number]}")
    return None
