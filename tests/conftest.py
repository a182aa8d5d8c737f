"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from hypothesis import HealthCheck, settings

from ai_gateway.breakers import forget_breakers
from ai_gateway.calibration import forget_factors
from ai_gateway.provider_keys import forget_provider_keys
from ai_gateway.routing import forget_routes
from billing.access import forget_terms
from billing.prices import forget_prices
from billing.rates import forget_rates

# Machines that run tests stop for a moment now and then: how long an example takes proves nothing.
settings.register_profile("winnow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("winnow")

# What a test that commits has to clear itself: triggers keep these tables from being emptied, so nobody else can.
_APPEND_ONLY = ("tokens_usage_log", "tokens_ledger_entry", "tokens_seal")


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: object,
    django_db_keepdb: bool,
    django_db_createdb: bool,
    django_db_modify_db_settings: None,
) -> Iterator[None]:
    """Make the test database, whichever tests were selected.

    pytest-django's own makes it only when a test has its mark: one with ``committed_db`` alone would run on, and empty,
    the database that DATABASE_URL names.
    """
    verbosity = request.config.option.verbose
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        made = setup_databases(verbosity, interactive=False, keepdb=django_db_keepdb and not django_db_createdb)
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():  # type: ignore[attr-defined]
            teardown_databases(made, verbosity)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Let no test find what an earlier one left in the process: a provider that it broke, a route or terms that it set."""
    yield
    forget_breakers()
    forget_routes()
    forget_provider_keys()
    forget_factors()
    forget_prices()
    forget_rates()
    forget_terms()


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """Give a test that really commits: several connections or processes see its rows. Emptied afterwards.

    Emptying append-only tables takes the owner's right to lift their triggers, which the suite's role has.
    """
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        yield
        empty_database()
        connection.close()


def empty_database() -> None:
    """Empty all tables but those that migrations fill."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND c.relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission',
                                    'billing_plan', 'billing_price_version', 'billing_operation_rate')
            """
        )
        tables = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass"
        )
        guarded = [*_APPEND_ONLY, *(row[0] for row in cursor.fetchall())]
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        for table in guarded:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
