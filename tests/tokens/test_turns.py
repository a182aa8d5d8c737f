"""Who moves a company's tokens waits for his turn; a movement that waited is made durable after its commit."""

from typing import Any

import pytest
from django.db import connection

from tests.tokens.ledger import hold, new_company, used
from tests.tokens.turns import after_waiting, turn_taken
from tokens.models import Hold
from tokens.selectors import get_balance
from tokens.services import statement
from tokens.services.holds import extend_hold, settle_hold
from tokens.sql.calls import MAKE_DURABLE


@pytest.fixture
def flushes(monkeypatch) -> list[str]:
    """List each statement that makes an earlier commit durable."""
    seen: list[str] = []
    run = statement.run

    def spy(sql: str, parameters: Any) -> tuple[Any, ...]:
        seen.extend([sql] if sql == MAKE_DURABLE else [])
        return run(sql, parameters)

    monkeypatch.setattr(statement, "run", spy)
    return seen


def test_a_movement_alone_is_durable_by_its_commit(committed_db, flushes):
    placed = hold(new_company(tokens=1000), 400)
    settle_hold(hold_id=placed.hold_id, usages=[used(150)], answer=None)

    assert flushes == []


def test_a_hold_that_waited_is_made_durable(committed_db, flushes):
    company = new_company(tokens=1000)

    placed = after_waiting(company.pk, lambda: hold(company, 400))

    assert flushes == [MAKE_DURABLE]
    assert Hold.objects.get().pk == placed.hold_id


def test_a_settlement_that_waited_is_made_durable(committed_db, flushes):
    company = new_company(tokens=1000)
    placed = hold(company, 400)

    after_waiting(company.pk, lambda: settle_hold(hold_id=placed.hold_id, usages=[used(150)], answer=None))

    assert flushes == [MAKE_DURABLE]
    assert get_balance(company.pk).available_tokens == 850


def test_an_extension_that_waited_is_made_durable(committed_db, flushes):
    company = new_company(tokens=1000)
    placed = hold(company, 400)

    assert after_waiting(company.pk, lambda: extend_hold(hold_id=placed.hold_id, more_tokens=9, lease_seconds=60))

    assert flushes == [MAKE_DURABLE]


def test_what_makes_durable_waits_for_the_disk(committed_db):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("CREATE TEMPORARY TABLE written (id int)")
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        (written,) = cursor.fetchone()
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(MAKE_DURABLE)
        cursor.execute("SELECT pg_current_wal_flush_lsn() >= %s", [written])
        assert cursor.fetchone() == (True,)


def test_another_company_does_not_wait(committed_db, flushes):
    busy, other = new_company(tokens=1000), new_company(tokens=1000, slug="other")

    with turn_taken(busy.pk):
        hold(other, 400)

    assert flushes == []
