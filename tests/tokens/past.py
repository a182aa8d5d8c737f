"""Let a ledger have a past, tamper with it, and write to it from a second connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from tenants.models import Company
from tests.tokens.ledger import charge, new_company
from tokens.models import Seal
from tokens.periods import Period, today
from tokens.services.seals import seal_company


def company_at_noon(**options: Any) -> Company:
    """Make a company where it is about noon, so that no midnight passes during a test."""
    offset = 12 - datetime.now(UTC).hour
    return new_company(**{"time_zone": f"Etc/GMT{-offset:+d}", **options})


def company_of_three_days() -> Company:
    """Make a company with three days: an idle one between two that are over, and today."""
    company = company_at_noon(tokens=1000)
    charge(company, 100)
    move_to_past(company, days=3)
    charge(company, 50)
    move_to_past(company, days=1)
    charge(company, 7)
    return company


@contextmanager
def lifted_guards() -> Iterator[None]:
    """Let the owner of the tables do what triggers refuse. Checks that wait for a commit run first."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("tokens_ledger_entry", "tokens_seal"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in ("tokens_ledger_entry", "tokens_seal"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def tamper(statement: str, *parameters: object) -> None:
    """Change the ledger behind its back."""
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def move_to_past(company: Company, days: int) -> None:
    """Let what was recorded within the hour, and is not sealed, have been recorded ``days`` days ago."""
    tamper(
        """UPDATE tokens_ledger_entry
           SET recorded_at = recorded_at - make_interval(days => %s), company_day = company_day - %s
           WHERE company_id = %s AND recorded_at > clock_timestamp() - interval '1 hour'
             AND xact_id >= coalesce((SELECT max(to_xact) FROM tokens_seal WHERE company_id = %s), '0')""",
        days,
        days,
        company.pk,
        company.pk,
    )


def days_ago(company: Company, first: int, last: int | None = None) -> Period:
    """Name the days from ``first`` days ago to ``last`` days ago, or that one day."""
    day = today(company)
    return Period(day - timedelta(days=first), day - timedelta(days=first if last is None else last))


def seal_all(company: Company, **options: Any) -> list[Seal]:
    """Seal all of a company's ledger that is committed."""
    wait_for_others()
    return seal_company(company.pk, **options)


def wait_for_others() -> None:
    """Wait until every transaction older than the newest entry has ended, so that all entries can be sealed.

    Transactions of the whole cluster count as running, also those of tests in other databases at the same time.
    """
    with connection.cursor() as cursor:
        cursor.execute("""
            DO $$
            BEGIN
                FOR attempt IN 1 .. 60000 LOOP
                    IF NOT EXISTS (
                        SELECT 1 FROM tokens_ledger_entry WHERE xact_id >= pg_snapshot_xmin(pg_current_snapshot())
                    ) THEN
                        RETURN;
                    END IF;
                    PERFORM pg_sleep(0.005);
                END LOOP;
                RAISE 'a transaction elsewhere in the cluster has not ended for minutes';
            END
            $$
        """)


@contextmanager
def other_transaction() -> Iterator[Any]:
    """Open a transaction on a connection of its own, that has an id already; yields its cursor, and commits.

    What is written from now on cannot be sealed until it has ended.
    """
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            yield cursor
        other.commit()
    finally:
        other.close()
