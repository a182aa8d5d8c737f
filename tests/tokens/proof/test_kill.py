"""A worker that is killed in the middle of a call, at each point: afterwards the call is made again, and charged once."""

import random
import time
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from ai_gateway.calls import Answer, Call, call_ai
from ai_gateway.errors import CallUnderWay
from billing.models import Plan, Subscription
from tests.tokens.ledger import new_company
from tests.tokens.proof.aftermath import assert_charged_once, kill, let_leases_run_out, list_charges, see_dead
from tests.tokens.proof.hammer import gate
from tests.tokens.proof.mutations import CHARGED_AGAIN, SETTLED_AGAIN, put_in, restored
from tests.tokens.proof.processes import Settings, settings_for_child, start
from tests.tokens.proof.victims import drain_spool, make_call, make_calls
from tests.tokens.proof.waiting import wait_for_blocked_backend, wait_until
from tokens.models import UsageLog
from tokens.services import spool, upkeep

TOKENS = 100_000
SPOOLED = "after the settlement was spooled"


@pytest.fixture
def call(committed_db):
    company = new_company(tokens=TOKENS)
    now = timezone.now()
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=now - timedelta(days=1),
        period_ends_at=now + timedelta(days=1),
    )
    return Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?", idempotency_key="k")


@pytest.fixture
def given(upstream, settings, tmp_path) -> Settings:
    settings.SPOOL_DIR = tmp_path / "spool"
    names = ("AI_PROVIDERS", "AI_MODELS", "SANDBOX_URL", "SANDBOX_ENABLED", "SPOOL_DIR")
    return settings_for_child(**{name: getattr(settings, name) for name in names})


def kill_at(point: str, given: Settings, call: Call) -> None:
    """Let a process make the call, and see it die where it should."""
    see_dead(start(make_call, given, call, point))


def make_again(call: Call) -> Answer:
    """Do what comes after a crash: drain the spool, sweep, and make the call again under its key."""
    spool.drain()
    try:
        return call_ai(call)
    except CallUnderWay:
        let_leases_run_out()
        upkeep.expire_holds()
        return call_ai(call)


@pytest.mark.parametrize(
    ("point", "requests", "unknown"),
    [
        ("before the hold", 1, 0),
        ("after the hold", 1, 1),
        ("before sending", 1, 1),
        ("after a second attempt began", 2, 2),
        ("after the answer", 2, 1),
        ("before the settlement", 2, 1),
        ("after the settlement", 1, 0),
        ("while the spool's file is half written", 2, 1),
        ("before the spool's file has its name", 2, 1),
        (SPOOLED, 1, 0),
    ],
)
def test_a_worker_killed_at_a_point_of_its_call(call, given, upstream, point, requests, unknown):
    if point == "after a second attempt began":
        upstream.misbehave("overloaded")
    kill_at(point, given, call)

    answer = make_again(call)

    assert_charged_once(call.company_id, TOKENS, {"k": answer})
    assert len(upstream.requests) == requests
    assert UsageLog.objects.filter(status="unknown").count() == unknown
    assert call_ai(call).charged_tokens == answer.charged_tokens
    assert_charged_once(call.company_id, TOKENS, {"k": answer})


@pytest.mark.parametrize("point", ["before it is applied", "after it is applied", "after its file is gone"])
def test_a_worker_killed_while_it_drains_the_spool(call, given, upstream, point):
    kill_at(SPOOLED, given, call)
    see_dead(start(drain_spool, given, point))

    answer = make_again(call)

    assert answer.replayed
    assert_charged_once(call.company_id, TOKENS, {"k": answer})
    assert len(upstream.requests) == 1


def test_a_worker_killed_while_the_provider_works(call, given, upstream):
    upstream.misbehave("hang")
    victim = start(make_call, given, call, "while the provider works")
    wait_until(lambda: upstream.requests, what="a request at the provider")
    kill(victim)

    answer = make_again(call)

    assert_charged_once(call.company_id, TOKENS, {"k": answer})
    assert len(upstream.requests) == 2
    assert UsageLog.objects.filter(status="unknown").count() == 1


@pytest.fixture
def settling(call, given):
    """A worker whose settlement has begun and waits, because another connection has locked the account."""
    blocker = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})
    with blocker:
        with gate() as wait_for:
            worker = start(make_call, given, call, "while it settles")
            wait_for(1)
            blocker.execute("SELECT 1 FROM tokens_account FOR NO KEY UPDATE")
        yield worker, wait_for_blocked_backend("tokens_close_hold"), blocker


def test_a_worker_killed_while_it_settles(call, upstream, settling):
    worker, backend, blocker = settling
    kill(worker)
    blocker.rollback()
    wait_until(lambda: not is_alive(backend), what="the end of the settlement that nobody waits for")

    answer = make_again(call)

    assert answer.replayed
    assert_charged_once(call.company_id, TOKENS, {"k": answer})
    assert len(upstream.requests) == 1


def test_a_connection_terminated_while_it_settles(call, upstream, settling):
    worker, backend, blocker = settling
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    assert wait_for_blocked_backend("tokens_close_hold", but=backend)
    blocker.rollback()
    worker.join(60)

    answer = make_again(call)

    assert (worker.exitcode, answer.replayed) == (0, True)
    assert_charged_once(call.company_id, TOKENS, {"k": answer})
    assert len(upstream.requests) == 1


@pytest.mark.slow
def test_workers_killed_at_any_moment(call, given):
    chance, calls = random.Random(1), []
    for number in range(20):
        fresh = [replace(call, user=f"Question {number}.{i}", idempotency_key=f"{number}.{i}") for i in range(24)]
        with gate() as wait_for:
            workers = [start(make_calls, given, chance.sample(fresh, len(fresh))) for _worker in range(2)]
            wait_for(2)
        time.sleep(chance.uniform(0.0, 0.4))  # any moment of the calls: they are made within about that time
        for worker in workers:
            worker.kill()
            worker.join(60)
        calls += fresh
    let_leases_run_out()

    answers = {call.idempotency_key: make_again(call) for call in calls}

    assert_charged_once(call.company_id, TOKENS, answers)
    assert 20 < sum(answer.replayed for answer in answers.values()) < len(calls)
    assert UsageLog.objects.filter(status="unknown").count() > 0


# Controls: the same tests find a call that is charged twice.


def test_without_its_key_the_same_crash_is_charged_twice(call, given):
    keyless = replace(call, idempotency_key=None)
    kill_at("after the settlement", given, keyless)

    answer = make_again(keyless)

    assert list_charges() == {None: [answer.charged_tokens] * 2}
    with pytest.raises(AssertionError):
        assert_charged_once(call.company_id, TOKENS, {None: answer})


def test_a_ledger_that_charges_a_key_again_is_found_out(call, given, upstream):
    with restored("tokens_place_hold"):
        put_in(CHARGED_AGAIN)
        with pytest.raises(AssertionError):
            test_a_worker_killed_at_a_point_of_its_call(call, given, upstream, "after the settlement", 1, 0)


def test_a_ledger_that_settles_again_what_was_drained_is_found_out(call, given, upstream):
    with restored("tokens_close_hold"):
        put_in(SETTLED_AGAIN)
        with pytest.raises(AssertionError):
            test_a_worker_killed_while_it_drains_the_spool(call, given, upstream, "after it is applied")


def is_alive(backend):
    """Tell whether a backend of the database runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend])
        return cursor.fetchone() is not None
