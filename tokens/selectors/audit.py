"""Check the laws of the ledger, set-based and from one snapshot, so that it can run while calls are made.

Each check is one query in a file: it returns what breaks a rule, and nothing when the rule holds. The ledger's are in
``tokens/sql/audit/``; an app above adds a folder of its own (``register_checks``).

Five checks compare two large tables row by row. Over the whole ledger they look only into the buckets of rows whose
sums disagree (``tokens/sql/audit_suspects.sql``): every row is read and added up, but joined only there. With the joins
over a million usage logs, given all the memory they want, the audit took three to five times as long as plain sums of
the same rows; the sums in buckets take about once as long (``make bench-ledger``). What that costs in certainty:

- An amount that is wrong, or a row that is missing or too many, always changes its bucket's sum if it is alone in it.
- Several wrong amounts in one bucket, of whichever rules, or an id that names the wrong row, can come to the same sum,
  by a chance of one in a million (2 to the power of -20) in a run. The weights are drawn anew in every run: nothing can
  be written so as to hide, and what one run misses the next one finds.

``every_row`` compares every row, as the audit of one company always does.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db import connection, transaction

from tokens.sql import load

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

    @property
    def looks_at_suspects(self) -> bool:
        """Whether it needs to look only where the sums disagree."""
        return "%(buckets)s" in self.sql


@dataclass(frozen=True)
class Scope:
    """What is looked at: one company or all; of all, only the ``buckets`` that are suspect, or everything if None."""

    company_id: int | None
    buckets: Sequence[int] | None


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


def audit_ledger(*, company_id: int | None = None, examples: int = 20, every_row: bool = False) -> list[CheckResult]:
    """Check the laws over one company or all, and return how each check came out."""
    return _run_all([check for check in list_checks() if check.law], company_id, examples, every_row)


def audit_tracking(*, company_id: int | None = None, examples: int = 20, every_row: bool = False) -> list[CheckResult]:
    """Check the laws and the rules of the apps above over one company or all."""
    return _run_all(list_checks(), company_id, examples, every_row)


def _run_all(checks: Sequence[Check], company_id: int | None, examples: int, every_row: bool) -> list[CheckResult]:
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        scope = Scope(company_id, None if company_id or every_row else _list_suspects())
        return [_run(check, scope, examples) for check in checks]


def _list_suspects() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(load("audit_suspects"), {"seed": secrets.randbits(62)})
        return [bucket for (bucket,) in cursor.fetchall()]


def _load(path: Path) -> Check:
    text = path.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{path.name} must begin with its law and its rule as comments.")
    rule = " ".join(line.removeprefix("-- ") for line in head[2].splitlines())
    # In the files, %s belongs to format() and %(company_id)s to us.
    return Check(law=int(head[1]), name=path.stem, rule=rule, sql=text.replace("%s", "%%s"))


def _run(check: Check, scope: Scope, examples: int) -> CheckResult:
    if check.looks_at_suspects and scope.buckets == []:
        return CheckResult(check.law, check.name, check.rule, 0, [])
    counted = f"SELECT *, count(*) OVER () FROM ({check.sql}) broken LIMIT %(examples)s"
    with connection.cursor() as cursor:
        cursor.execute(counted, {**vars(scope), "examples": examples})
        rows = cursor.fetchall()
    findings = [Finding(*row[:3]) for row in rows]
    return CheckResult(check.law, check.name, check.rule, rows[0][3] if rows else 0, findings)
