"""The database stopped at once under load, and its connections ended in the middle of a commit.

Nothing that was confirmed is lost, and what was repeated is charged once.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import F

from tests.tokens.ledger import hold, new_company
from tests.tokens.proof.hammer import gate, hold_commits_at_gate
from tests.tokens.proof.insisting import CHARGE, Account, insist, settle_insistently
from tests.tokens.proof.mutations import SETTLED_AGAIN, put_in, restored
from tests.tokens.proof.own_server import changed_for
from tests.tokens.proof.processes import pool, results, settings_for_child
from tests.tokens.proof.waiting import wait_for_blocked_backend, wait_until
from tokens.models import Hold, UsageLog
from tokens.selectors.audit import audit_ledger
from tokens.services import spool, upkeep

PROCESSES = 4


@pytest.fixture(autouse=True)
def spool_folder(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "spool"


@contextmanager
def insisting_processes(calls: int, options: str = "") -> Iterator[list["Future[Account]"]]:
    """Let processes make calls, two of three on one hot company, with options for their sessions of the database."""
    hot, quiet = (new_company(tokens=1_000_000, slug=slug).pk for slug in ("hot", "quiet"))
    given = changed_for(settings_for_child(SPOOL_DIR=django_settings.SPOOL_DIR), options)
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
        server.restart_immediately()
    return results(running)


def count_settled() -> int:
    return Hold.objects.filter(state="settled").count()


def count_missing(accounts: Sequence[Account]) -> int:
    """Count the holds whose placing or settlement was confirmed, and of which the database knows nothing."""
    confirmed = {hold_id for account in accounts for hold_id in account.settled}
    kept = set(Hold.objects.filter(state="settled").values_list("pk", flat=True))
    return len(confirmed - kept) + sum(len(account.lost) for account in accounts)


def assert_charged_once_each(keys: int) -> None:
    """Every key was charged once; nothing is open, waits or is amiss."""
    spool.drain()
    assert [*spool.list_waiting(), *spool.list_unreadable()] == []
    upkeep.expire_holds()
    upkeep.mark_unknown_attempts(grace_seconds=0)
    paid = UsageLog.objects.filter(charged_tokens__gt=F("absorbed_tokens"))
    holds = dict(Hold.objects.values_list("pk", "key"))
    charges = Counter((holds[log.hold_id], log.charged_tokens - log.absorbed_tokens) for log in paid)
    assert len(charges) == keys
    assert set(charges.values()) == {1}
    assert {tokens for _key, tokens in charges} == {CHARGE}
    assert Hold.objects.filter(state="open").count() == 0
    assert [result for result in audit_ledger() if not result.holds] == []


@pytest.mark.parametrize(("calls", "stops"), [(50, 2), pytest.param(2_000, 12, marks=pytest.mark.slow)])
def test_the_server_stopped_at_once_under_load(own_server, calls, stops):
    with insisting_processes(calls) as running:
        accounts = stop_under_load(own_server, running, calls=calls, stops=stops)

    assert sum(account.failures + account.spooled for account in accounts) > 0
    assert count_missing(accounts) == 0
    assert_charged_once_each(PROCESSES * calls)


def test_what_is_confirmed_before_it_is_on_disk_is_missed(own_server):
    with insisting_processes(50, "-c synchronous_commit=off") as running:
        accounts = stop_under_load(own_server, running, calls=50, stops=1)

    assert count_missing(accounts) > 0


@pytest.mark.parametrize(("calls", "blows"), [(50, 20), pytest.param(2_000, 1_000, marks=pytest.mark.slow)])
def test_connections_terminated_at_any_moment(committed_db, calls, blows):
    chance, struck = random.Random(1), 0
    with insisting_processes(calls) as running:
        while not all(future.done() for future in running):
            struck += struck < blows and terminate_one(chance)
            time.sleep(0.001)  # the next blow falls a little later
        accounts = results(running)

    assert struck > 0
    assert count_missing(accounts) == 0
    assert_charged_once_each(PROCESSES * calls)


def test_a_connection_terminated_before_its_commit(committed_db):
    placed = hold(new_company(tokens=100), CHARGE)

    with pool(1) as processes:
        with hold_commits_at_gate("tokens_hold"), gate() as wait_for:
            settling = processes.submit(settle_insistently, settings_for_child(), placed.hold_id)
            wait_for(1)
            terminate(committing := wait_for_blocked_backend("tokens_close_hold"))
            wait_for_blocked_backend("tokens_close_hold", but=committing)
            assert Hold.objects.get().state == "open"
        assert settling.result(60).failures == 1

    assert_charged_once_each(1)


def terminate_between_commit_and_reply(server) -> None:
    """Settle a hold, and end the connection when its commit is on disk and the reply has not gone out."""
    placed = hold(new_company(tokens=100), CHARGE)
    server.set(synchronous_standby_names="nobody")  # every commit waits for a standby that never comes
    with pool(1) as processes:
        settling = processes.submit(settle_insistently, settings_for_child(), placed.hold_id)
        terminate(wait_until(find_committed_backend, what="a commit that waits for a standby"))
        wait_until(lambda: Hold.objects.get().state == "settled", what="the end of the commit")
        server.set(synchronous_standby_names="")
        assert settling.result(60).failures == 1


def test_a_connection_terminated_between_its_commit_and_the_reply(own_server):
    terminate_between_commit_and_reply(own_server)

    assert_charged_once_each(1)


def test_a_settlement_that_is_charged_again_when_it_is_repeated_is_found_out(own_server):
    with restored("tokens_close_hold"):
        put_in(SETTLED_AGAIN)
        terminate_between_commit_and_reply(own_server)

    with pytest.raises(AssertionError):
        assert_charged_once_each(1)


def find_committed_backend() -> int | None:
    """Find a backend whose commit is on disk and waits for a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        row = cursor.fetchone()
    return row[0] if row else None


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
