"""Check the laws of the ledger, set-based and from one snapshot, so that it can run while calls are made.

Each check is one query in ``tokens/sql/audit/``: it returns what breaks a law, and nothing when the law holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import connection, transaction

_FOLDER = Path(__file__).parent.parent / "sql" / "audit"
_HEAD = re.compile(r"-- law: (\d)\n((?:-- .*\n)+)")


@dataclass(frozen=True)
class Finding:
    """One thing that breaks a law. ``company_id`` is None for what concerns all companies."""

    company_id: int | None
    subject: str
    detail: str


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check: how much was found, and the first of it."""

    law: int
    name: str
    rule: str
    found: int
    examples: Sequence[Finding]

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.found == 0


@dataclass(frozen=True)
class Check:
    """A law's query."""

    law: int
    name: str
    rule: str
    sql: str


@cache
def list_checks() -> tuple[Check, ...]:
    """Load the checks, by law."""
    checks = [_load(path) for path in _FOLDER.glob("*.sql")]
    return tuple(sorted(checks, key=lambda check: (check.law, check.name)))


def audit_ledger(*, company_id: int | None = None, examples: int = 20) -> list[CheckResult]:
    """Run every check over one company or all, and return how each came out."""
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return [_run(check, company_id, examples) for check in list_checks()]


def _load(path: Path) -> Check:
    text = path.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{path.name} must begin with its law and its rule as comments.")
    rule = " ".join(line.removeprefix("-- ") for line in head[2].splitlines())
    # In the files, %s belongs to format() and %(company_id)s to us.
    return Check(law=int(head[1]), name=path.stem, rule=rule, sql=text.replace("%s", "%%s"))


def _run(check: Check, company_id: int | None, examples: int) -> CheckResult:
    counted = f"SELECT *, count(*) OVER () FROM ({check.sql}) broken LIMIT %(examples)s"
    with connection.cursor() as cursor:
        cursor.execute(counted, {"company_id": company_id, "examples": examples})
        rows = cursor.fetchall()
    findings = [Finding(*row[:3]) for row in rows]
    return CheckResult(check.law, check.name, check.rule, rows[0][3] if rows else 0, findings)
