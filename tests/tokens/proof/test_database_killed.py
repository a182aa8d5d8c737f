"""The database stopped at once under load, and its connections ended in the middle of a commit.

Nothing that was confirmed is lost, and what was repeated is charged once.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import F, Sum

from tests.tokens.ledger import hold, new_company
from tests.tokens.proof.hammer import gate, hold_commits_at_gate
from tests.tokens.proof.insisting import CHARGE, Account, insist, settle_insistently
from tests.tokens.proof.own_server import own_server
from tests.tokens.proof.processes import pool, results, settings_for_child, start
from tests.tokens.proof.waiting import wait_for_blocked_backend, wait_until
from tokens.models import Hold, UsageLog
from tokens.selectors.audit import audit_ledger
from tokens.services import spool, upkeep

PROCESSES = 4


@pytest.fixture(autouse=True)
def spool_folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"


@contextmanager
def insisting_processes(calls: int) -> Iterator[list["Future[Account]"]]:
    """Let processes make calls, two of three on one hot company."""
    hot, quiet = (new_company(tokens=1_000_000, slug=slug).pk for slug in ("hot", "quiet"))
    given = settings_for_child(SPOOL_DIR=django_settings.SPOOL_DIR)
    with pool(PROCESSES) as processes:
        with gate() as wait_for:
            running = [
                processes.submit(insist, given, [hot, hot, quiet], [f"{process}-{number}" for number in range(calls)])
                for process in range(PROCESSES)
            ]
            wait_for(PROCESSES)
        yield running


def stop_under_load(server, running: Sequence["Future[Account]"], *, calls: int, stops: int) -> list[Account]:
    """Stop the server at once, and start it again, several times while calls are made."""
    for stop in range(1, stops + 1):
        enough = PROCESSES * calls * stop // (stops + 1)
        wait_until(lambda enough=enough: count_settled() >= enough, what="settlements")
        server.stop_immediately()
        server.start()
        connection.close()
    return results(running)


def count_settled() -> int:
    return Hold.objects.filter(state="settled").count()


def list_missing(accounts: Sequence[Account]) -> set[UUID]:
    """List holds whose placing or settlement was confirmed, and of which the database knows nothing."""
    confirmed = {hold_id for account in accounts for hold_id in account.settled}
    kept = set(Hold.objects.filter(state="settled").values_list("pk", flat=True))
    return (confirmed - kept) | {hold_id for account in accounts for hold_id in account.lost}


def assert_charged_once_each(keys: int) -> None:
    """Every key was charged once; nothing is open, waits or is amiss."""
    spool.drain()
    assert spool.list_waiting() == []
    upkeep.expire_holds()
    upkeep.mark_unknown_attempts(grace_seconds=0)
    paid = UsageLog.objects.aggregate(tokens=Sum(F("charged_tokens") - F("absorbed_tokens")))["tokens"]
    assert paid == keys * CHARGE
    assert Hold.objects.filter(state="open").count() == 0
    assert [result for result in audit_ledger() if not result.holds] == []


@pytest.mark.parametrize(("calls", "stops"), [(50, 2), pytest.param(3_000, 15, marks=pytest.mark.slow)])
def test_the_server_stopped_at_once_under_load(committed_db, calls, stops):
    with own_server() as server, insisting_processes(calls) as running:
        accounts = stop_under_load(server, running, calls=calls, stops=stops)

        assert sum(account.failures + account.spooled for account in accounts) > 0
        assert list_missing(accounts) == set()
        assert_charged_once_each(PROCESSES * calls)


@pytest.mark.slow
def test_what_is_confirmed_before_it_is_on_disk_is_missed(committed_db):
    with own_server() as server:
        with connection.cursor() as cursor:
            cursor.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        with insisting_processes(300) as running:
            accounts = stop_under_load(server, running, calls=300, stops=3)

        assert list_missing(accounts) != set()


@pytest.mark.parametrize(("calls", "blows"), [(50, 20), pytest.param(3_000, 1_500, marks=pytest.mark.slow)])
def test_connections_terminated_at_any_moment(committed_db, calls, blows):
    chance, struck = random.Random(1), 0
    with insisting_processes(calls) as running:
        while not all(future.done() for future in running):
            struck += struck < blows and terminate_one(chance)
            time.sleep(0.001)
        accounts = results(running)

    assert struck > 0
    assert list_missing(accounts) == set()
    assert_charged_once_each(PROCESSES * calls)


def test_a_connection_terminated_in_its_commit(committed_db):
    placed = hold(new_company(tokens=100), CHARGE)

    with hold_commits_at_gate("tokens_hold"), gate() as wait_for:
        worker = start(settle_insistently, settings_for_child(), placed.hold_id)
        wait_for(1)
        terminate(committing := wait_for_blocked_backend("tokens_close_hold"))
        wait_for_blocked_backend("tokens_close_hold", but=committing)
        assert Hold.objects.get().state == "open"
    worker.join(60)

    assert worker.exitcode == 0
    assert_charged_once_each(1)


def terminate_one(chance: random.Random) -> bool:
    """End one connection that is at work on the ledger, rather one that writes its commit; returns whether any was."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE '%tokens_%'
            ORDER BY wait_event LIKE 'Wal%' DESC NULLS LAST
            LIMIT 2
            """
        )
        at_work = [row[0] for row in cursor.fetchall()]
    if at_work:
        terminate(chance.choice(at_work))
    return bool(at_work)


def terminate(backend: int) -> None:
    """End a connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
