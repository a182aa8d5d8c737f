"""A process whose clock is an hour off changes nothing: no time in the ledger comes from the application."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ai_gateway.calls import Call
from billing.models import Plan, Subscription
from tests.tokens.ledger import grant, new_company
from tests.tokens.proof.processes import pool, settings_for_child
from tests.tokens.proof.skewed import do_everything, grant_from_own_clock
from tokens.models import Hold
from tokens.selectors.audit import audit_ledger

HOUR = timedelta(hours=1)
# How long after its writing a column's moment lies, where it names another moment than that.
LATER = {
    "tokens_hold.lease_expires_at": timedelta(seconds=600),
    "tokens_answer.erase_after": timedelta(days=30),
}
# Set by whoever grants, to the ends of periods that the company has agreed on.
AGREED = {"tokens_allocation.expires_at"}


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def list_moments() -> list[tuple[str, datetime]]:
    """List every moment that the ledger's tables hold, and those inside the ids that tell time."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
            JOIN pg_class t ON t.relname = c.table_name AND NOT t.relispartition
            WHERE c.table_schema = 'public' AND c.table_name LIKE 'tokens_%' AND t.relkind IN ('r', 'p')
              AND (c.data_type = 'timestamp with time zone' OR (c.data_type = 'uuid' AND c.column_name = 'id'))
            """
        )
        for table, column, kind in cursor.fetchall():
            value = column if kind != "uuid" else f"uuid_extract_timestamp({column})"
            cursor.execute(f"SELECT {value} FROM {table} WHERE {column} IS NOT NULL")
            found += [(f"{table}.{column}", row[0]) for row in cursor.fetchall()]
    return found


def list_wrong(since: datetime, until: datetime) -> list[tuple[str, datetime]]:
    """List moments that lie outside the time in which they were written, to the millisecond of an id."""
    since -= timedelta(milliseconds=1)
    return [
        (column, moment)
        for column, moment in list_moments()
        if column not in AGREED and not since <= moment - LATER.get(column, timedelta(0)) <= until
    ]


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def test_a_wrong_clock_leaves_no_trace(committed_db, upstream, settings, by):
    settings.AI_CALL_TIMEOUT_SECONDS = 540  # a lease of ten minutes, as the other holds have
    since = database_time()
    company = new_company(tokens=100_000)
    ending_soon = grant(company, 1_000, expires_at=timezone.now() + HOUR / 2)
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=timezone.now() - 2 * HOUR,
        period_ends_at=timezone.now() + 2 * HOUR,
    )
    call = Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?", idempotency_key="k")
    names = ("AI_PROVIDERS", "AI_MODELS", "SANDBOX_URL", "SANDBOX_ENABLED", "AI_CALL_TIMEOUT_SECONDS")
    given = settings_for_child(**{name: getattr(settings, name) for name in names})

    with pool(1) as processes:
        wrong = processes.submit(do_everything, given, call, by).result(timeout=60)

    assert abs(wrong - by) < timedelta(seconds=30)
    assert list_wrong(since, database_time()) == []
    assert Hold.objects.filter(state="open").count() == 1  # an hour ahead its lease would be over
    ending_soon.refresh_from_db()
    assert ending_soon.expired_tokens == 0
    assert set(Hold.objects.values_list("company_day", flat=True)) <= {since.date(), datetime.now(UTC).date()}
    assert [result for result in audit_ledger() if not result.holds] == []


def test_a_moment_taken_from_a_wrong_clock_is_found(committed_db):
    since = database_time()
    company = new_company(tokens=100)

    with pool(1) as processes:
        processes.submit(grant_from_own_clock, settings_for_child(), company.pk, HOUR).result(timeout=60)

    assert [column for column, _moment in list_wrong(since, database_time())] == ["tokens_allocation.effective_at"]
