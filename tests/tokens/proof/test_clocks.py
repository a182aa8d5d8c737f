"""A process whose clock is an hour off changes nothing: no time in the ledger comes from the application."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from django.db import connection

from ai_gateway.calls import Call
from ai_gateway.operations import lease_seconds
from billing.models import Plan, PriceVersion, Subscription
from tests.billing.factories import PriceVersionFactory
from tests.tokens.ledger import grant, new_company
from tests.tokens.proof.processes import pool, settings_for_child
from tests.tokens.proof.skewed import do_everything, grant_from_own_clock, hold_on_own_day
from tokens.models import BudgetUse, Hold, UsageLog
from tokens.selectors.audit import audit_ledger

HOUR = timedelta(hours=1)
BOTH_WAYS = pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
# How long after its writing a column's moment lies, where it names another moment than that.
LATER = {
    "tokens_hold.lease_expires_at": timedelta(seconds=lease_seconds("decision")),
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


def zone_at_the_edge_of_a_day(by: timedelta) -> str:
    """Name a time zone where a clock that is wrong by that hour shows another day than it is."""
    hour = 23 if by > timedelta(0) else 0
    offset = (hour - database_time().hour + 11) % 24 - 11  # from -11 to +12 hours
    return f"Etc/GMT{-offset:+d}"


def company_days(company, since: datetime) -> set[date]:
    """Return the company's days between a moment and now: one, unless its midnight has just passed."""
    return {moment.astimezone(company.zone).date() for moment in (since, database_time())}


@pytest.fixture
def priced_within_the_hour(committed_db) -> Iterator[tuple[PriceVersion, PriceVersion]]:
    """The sandbox's price changed half an hour ago, and will change in half an hour."""
    prices = tuple(
        PriceVersionFactory(provider="sandbox", model="sandbox-rules-1", effective_from=database_time() + away)
        for away in (-HOUR / 2, HOUR / 2)
    )
    yield prices
    with connection.cursor() as cursor:  # what was in force is never deleted, but by its owner
        cursor.execute("ALTER TABLE billing_price_version DISABLE TRIGGER USER")
        PriceVersion.objects.filter(pk__in=[price.pk for price in prices]).delete()
        cursor.execute("ALTER TABLE billing_price_version ENABLE TRIGGER USER")


@BOTH_WAYS
def test_a_wrong_clock_leaves_no_trace(priced_within_the_hour, upstream, settings, by):
    since = database_time()
    company = new_company(tokens=100_000, time_zone=zone_at_the_edge_of_a_day(by))
    ending_soon = grant(company, 1_000, expires_at=database_time() + HOUR / 2)
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=since - HOUR / 2,
        period_ends_at=since + HOUR / 2,
    )
    call = Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?", idempotency_key="k")
    names = ("AI_PROVIDERS", "AI_MODELS", "SANDBOX_URL", "SANDBOX_ENABLED")
    given = settings_for_child(**{name: getattr(settings, name) for name in names})

    with pool(1) as processes:
        wrong = processes.submit(do_everything, given, call, by).result(timeout=60)

    assert abs(wrong - by) < timedelta(seconds=30)
    assert list_wrong(since, database_time()) == []
    assert Hold.objects.filter(state="open").count() == 1  # an hour ahead its lease would be over
    ending_soon.refresh_from_db()
    assert ending_soon.expired_tokens == 0
    days = company_days(company, since)
    for rows in (Hold, UsageLog):
        assert set(rows.objects.values_list("company_day", flat=True)) <= days
    assert set(BudgetUse.objects.values_list("period_start", flat=True)) <= days
    priced = UsageLog.objects.get(price_version_id__isnull=False)
    assert priced.price_version_id == priced_within_the_hour[0].pk
    assert [result for result in audit_ledger() if not result.holds] == []


def test_a_moment_taken_from_a_wrong_clock_is_found(committed_db):
    since = database_time()
    company = new_company(tokens=100)

    with pool(1) as processes:
        processes.submit(grant_from_own_clock, settings_for_child(), company.pk, HOUR).result(timeout=60)

    assert [column for column, _moment in list_wrong(since, database_time())] == ["tokens_allocation.effective_at"]


@BOTH_WAYS
def test_a_day_taken_from_a_wrong_clock_is_found(committed_db, by):
    since = database_time()
    company = new_company(tokens=100, time_zone=zone_at_the_edge_of_a_day(by))

    with pool(1) as processes:
        day = processes.submit(hold_on_own_day, settings_for_child(), company.pk, by).result(timeout=60)

    assert day not in company_days(company, since)
    assert Hold.objects.get().company_day in company_days(company, since)
