r"""The text that a seal's SHA-256 is taken over. Plain Python: what a company verifies offline is defined here.

A seal covers a stretch of a company's ledger. Its text, in UTF-8, is::

    winnow-seal-1
    <sha256 of the seal before, or 64 zeros>
    <one line per entry, in commit order: by xact_id, then by id>
    <the line of the seal>

Every line ends in a line feed; its fields are separated by tabs, in the order of ``ENTRY_FIELDS`` or ``SEAL_FIELDS``.
Whole numbers are decimal; dates are ``2026-11-21``; times are UTC, ``2026-11-21T14:03:22.000123Z``; UUIDs are lower
case with hyphens; yes and no are 1 and 0; what is absent is empty. In text a backslash, tab, line feed and carriage
return are written ``\\``, ``\t``, ``\n`` and ``\r``.

``tokens/sql/seals.sql`` builds the same text in the database, and docs/verify-a-statement.md by a script of its own.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime

FORMAT = "winnow-seal-1"
NO_SEAL_BEFORE = "0" * 64
# All columns of a ledger entry but its company, which the seal's line names.
ENTRY_FIELDS = (
    "xact_id",
    "id",
    "recorded_at",
    "company_day",
    "kind",
    "delta_tokens",
    "allocation_id",
    "usage_log_id",
    "hold_id",
    "corrects_id",
    "actor_id",
    "reason_code",
)
SEAL_FIELDS = (
    "company_id",
    "number",
    "company_day",
    "closes_day",
    "from_xact",
    "to_xact",
    "entry_count",
    "delta_tokens",
    "balance_tokens",
)
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


class SealHash:
    """The SHA-256 of one seal, fed entry by entry, so that a seal of any length takes no memory."""

    def __init__(self, previous_sha256: str) -> None:
        self._hash = hashlib.sha256(f"{FORMAT}\n{previous_sha256}\n".encode())

    def add_entry(self, values: Iterable[object]) -> None:
        """Take in one entry: its values in the order of ``ENTRY_FIELDS``."""
        self._hash.update(canonical_line(values))

    def finish(self, values: Iterable[object]) -> str:
        """Take in the seal's own line, in the order of ``SEAL_FIELDS``, and return the SHA-256 in hexadecimal."""
        sealed = self._hash.copy()
        sealed.update(canonical_line(values))
        return sealed.hexdigest()


def canonical_line(values: Iterable[object]) -> bytes:
    """Write one line of the text. Only texts can hold what needs escaping."""
    fields = [value.translate(_ESCAPES) if isinstance(value, str) else as_text(value) for value in values]
    return ("\t".join(fields) + "\n").encode()


def as_text(value: object) -> str:
    """Write one value, not yet escaped. Times must know their zone."""
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
    return str(value)
