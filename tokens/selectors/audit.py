"""Check the laws of the ledger, set-based and from one snapshot, so that it can run while calls are made.

Each check is one query in a file: it returns what breaks a rule, and nothing when the rule holds. The ledger's are in
``tokens/sql/audit/``; an app above adds a folder of its own (``register_checks``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import connection, transaction

_folders = [Path(__file__).parent.parent / "sql" / "audit"]
_HEAD = re.compile(r"-- law: (\d)\n((?:-- .*\n)+)")


@dataclass(frozen=True)
class Finding:
    """One thing that breaks a law. ``company_id`` is None for what concerns all companies."""

    company_id: int | None
    subject: str
    detail: str


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check: how much was found, and the first of it. Law 0: a rule of an app above."""

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


def register_checks(folder: Path) -> None:
    """Have the queries of another app's folder run with the audit; those that concern no law say law 0."""
    if folder not in _folders:
        _folders.append(folder)
        list_checks.cache_clear()


@cache
def list_checks() -> tuple[Check, ...]:
    """Load the checks, by law."""
    checks = [_load(path) for folder in _folders for path in folder.glob("*.sql")]
    return tuple(sorted(checks, key=lambda check: (check.law, check.name)))


def audit_ledger(*, company_id: int | None = None, examples: int = 20) -> list[CheckResult]:
    """Check the laws over one company or all, and return how each check came out."""
    return _run_all([check for check in list_checks() if check.law], company_id, examples)


def audit_tracking(*, company_id: int | None = None, examples: int = 20) -> list[CheckResult]:
    """Check the laws and the rules of the apps above over one company or all."""
    return _run_all(list_checks(), company_id, examples)


def _run_all(checks: Sequence[Check], company_id: int | None, examples: int) -> list[CheckResult]:
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return [_run(check, company_id, examples) for check in checks]


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
