"""What the ledger has confirmed outlives a server that is stopped at once, whether it had to wait for its turn or not.

The server writes nothing by itself: each of these is lost as soon as what makes it durable is left out.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests.tokens.ledger import hold, new_company, used
from tests.tokens.turns import after_waiting
from tokens.models import Hold
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import statement
from tokens.services.holds import PlacedHold, extend_hold, settle_hold

KEY = {"key": "k", "request_hash": b"a"}


@pytest.fixture
def unflushed(monkeypatch) -> Callable[[Callable[[], Any]], Any]:
    """Run a movement whose caller comes to nothing after the movement's own commit."""

    def run(movement: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(statement, "MAKE_DURABLE", "SELECT 1")
            return movement()

    return run


def settle(placed: PlacedHold) -> None:
    settle_hold(hold_id=placed.hold_id, usages=[used(30)], answer=None)


def left_after_crash(own_server, company) -> tuple[int, list[tuple[str, int]]]:
    """Stop the server, start it again, and return what is available and all holds (state, held tokens)."""
    own_server.restart_immediately()
    assert [result for result in audit_ledger() if not result.holds] == []
    return get_balance(company.pk).available_tokens, list(Hold.objects.values_list("state", "held_tokens"))


def test_a_hold(own_server):
    company = new_company(tokens=100)
    hold(company, 40)

    assert left_after_crash(own_server, company) == (60, [("open", 40)])


def test_a_hold_that_waited(own_server):
    company = new_company(tokens=100)
    after_waiting(company.pk, lambda: hold(company, 40))

    assert left_after_crash(own_server, company) == (60, [("open", 40)])


def test_an_extension_that_waited(own_server):
    company = new_company(tokens=100)
    placed = hold(company, 40)
    after_waiting(company.pk, lambda: extend_hold(hold_id=placed.hold_id, more_tokens=9, lease_seconds=60))

    assert left_after_crash(own_server, company) == (51, [("open", 49)])


def test_a_settlement_that_waited(own_server):
    company = new_company(tokens=100)
    placed = hold(company, 40)
    after_waiting(company.pk, lambda: settle(placed))

    assert left_after_crash(own_server, company) == (70, [("settled", 40)])


def test_a_settlement_that_a_repeat_was_told_of(own_server, unflushed):
    company = new_company(tokens=100)
    placed = hold(company, 40)
    unflushed(lambda: after_waiting(company.pk, lambda: settle(placed)))
    settle(placed)

    assert left_after_crash(own_server, company) == (70, [("settled", 40)])


def test_a_settlement_that_a_call_under_its_key_was_told_of(own_server, unflushed):
    company = new_company(tokens=100)
    placed = hold(company, 40, **KEY)
    unflushed(lambda: after_waiting(company.pk, lambda: settle(placed)))
    assert hold(company, 40, **KEY).is_replay

    assert left_after_crash(own_server, company) == (70, [("settled", 40)])


# Controls: what is not flushed is lost, and that is seen.


def do_not_wait_for_the_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")


def test_a_hold_whose_commit_does_not_wait_for_the_disk_is_lost(own_server):
    company = new_company(tokens=100)
    do_not_wait_for_the_disk()
    hold(company, 40)

    assert left_after_crash(own_server, company) == (100, [])


def test_a_hold_that_waited_and_was_not_flushed_is_lost(own_server, unflushed):
    company = new_company(tokens=100)
    unflushed(lambda: after_waiting(company.pk, lambda: hold(company, 40)))

    assert left_after_crash(own_server, company) == (100, [])


def test_an_extension_that_waited_and_was_not_flushed_is_lost(own_server, unflushed):
    company = new_company(tokens=100)
    placed = hold(company, 40)
    extension = {"hold_id": placed.hold_id, "more_tokens": 9, "lease_seconds": 60}
    unflushed(lambda: after_waiting(company.pk, lambda: extend_hold(**extension)))

    assert left_after_crash(own_server, company) == (60, [("open", 40)])


def test_a_settlement_that_waited_and_was_not_flushed_is_lost_whoever_was_told_of_it(own_server, unflushed):
    company = new_company(tokens=100)
    placed = hold(company, 40, **KEY)
    unflushed(lambda: after_waiting(company.pk, lambda: settle(placed)))
    do_not_wait_for_the_disk()
    settle(placed)
    assert hold(company, 40, **KEY).is_replay

    assert left_after_crash(own_server, company) == (60, [("open", 40)])
