"""Requests per minute, against a real Redis: exact across processes, and no obstacle when Redis is away."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import aclosing, closing
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from redis import Redis
from structlog.testing import capture_logs

from tenants.rate_limits import RateLimits


class Limits(RateLimits):
    """The limits under test, closed like a generator."""

    aclose = RateLimits.close


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Wait for Redis as long as a busy machine takes: these tests count what it admits."""
    monkeypatch.setattr("tenants.rate_limits._TIMEOUT_SECONDS", 30)


def ask(use: Callable[[Limits], Awaitable[Any]], redis_url: str = settings.REDIS_URL) -> Any:
    async def run() -> Any:
        async with aclosing(Limits(redis_url)) as limits:
            return await use(limits)

    return asyncio.run(run())


def grow_older(key_id: UUID, milliseconds: int) -> None:
    """Let the requests of a key have been made that much earlier."""
    with closing(Redis.from_url(settings.REDIS_URL)) as redis:
        name = f"winnow:rate:{key_id}"
        moments = [int(moment) - milliseconds for moment in redis.lrange(name, 0, -1)]
        redis.delete(name)
        redis.rpush(name, *moments)


async def admit(limits: Limits, key_id: UUID, times: int, *, per_minute: int) -> list[float | None]:
    return [await limits.admit(key_id, per_minute) for _ in range(times)]


def test_as_many_as_allowed_are_admitted_and_the_next_is_told_how_long_to_wait():
    key_id = uuid4()
    *admitted, wait = ask(lambda limits: admit(limits, key_id, 4, per_minute=3))
    assert admitted == [None, None, None]
    assert 50 < wait <= 60


def test_a_key_does_not_wait_for_another():
    async def use(limits: Limits) -> list[float | None]:
        return [await limits.admit(key_id, 1) for key_id in (uuid4(), uuid4())]

    assert ask(use) == [None, None]


def test_many_at_once_from_several_processes_are_counted_together():
    key_id = uuid4()

    async def use(limits: Limits) -> list[float | None]:
        async with aclosing(Limits(settings.REDIS_URL)) as other:  # what another process has: a client of its own
            return await asyncio.gather(*(place.admit(key_id, 10) for _ in range(20) for place in (limits, other)))

    waits = ask(use)
    assert (waits.count(None), len(waits)) == (10, 40)


def test_no_60_seconds_see_more_than_the_limit_wherever_the_minute_begins():
    key_id = uuid4()
    ask(lambda limits: admit(limits, key_id, 2, per_minute=3))
    grow_older(key_id, 40_000)
    assert ask(lambda limits: admit(limits, key_id, 1, per_minute=3)) == [None]
    grow_older(key_id, 19_000)  # the first two are 59 seconds old
    (wait,) = ask(lambda limits: admit(limits, key_id, 1, per_minute=3))
    assert 0 < wait <= 1
    grow_older(key_id, 1_000)  # and now a minute: their two places are free, no more
    *admitted, wait = ask(lambda limits: admit(limits, key_id, 3, per_minute=3))
    assert admitted == [None, None]
    assert 30 < wait <= 40


def test_what_was_refused_does_not_make_the_next_wait_longer():
    key_id = uuid4()
    ask(lambda limits: admit(limits, key_id, 5, per_minute=1))
    grow_older(key_id, 60_000)
    assert ask(lambda limits: admit(limits, key_id, 1, per_minute=1)) == [None]


def test_nothing_is_left_in_redis_a_minute_after_the_last_request():
    key_id = uuid4()
    ask(lambda limits: admit(limits, key_id, 5, per_minute=3))
    with closing(Redis.from_url(settings.REDIS_URL)) as redis:
        name = f"winnow:rate:{key_id}"
        assert redis.llen(name) == 3
        assert 0 < redis.pttl(name) <= 60_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_without_redis_everything_is_admitted_and_that_is_logged_once():
    address = f"redis://127.0.0.1:{free_port()}/0"
    with capture_logs() as lines:
        waits = ask(lambda limits: admit(limits, uuid4(), 5, per_minute=1), address)
    assert waits == [None] * 5
    assert [line["event"] for line in lines] == ["rate_limits_off"]


def test_a_redis_that_does_not_answer_holds_up_one_request_and_not_the_next(monkeypatch):
    monkeypatch.setattr("tenants.rate_limits._TIMEOUT_SECONDS", 0.25)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        async def use(limits: Limits) -> float:
            assert await limits.admit(uuid4(), 1) is None
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(100):
                assert await limits.admit(uuid4(), 1) is None
            return loop.time() - began

        assert ask(use, address) < 5  # with a time-out each they would take 25 seconds


def test_redis_is_asked_again_after_a_while(monkeypatch):
    now, key_id = [1000.0], uuid4()
    monkeypatch.setattr("tenants.rate_limits.monotonic", lambda: now[0])

    async def use(limits: Limits) -> list[float | None]:
        limits._leave_alone(OSError("away"))
        await limits.admit(key_id, 1)  # not counted
        now[0] += 6
        return [await limits.admit(key_id, 1) is None for _ in range(2)]

    assert ask(use) == [True, False]


@pytest.mark.parametrize(("first", "then", "admitted"), [(1, 3, 2), (3, 1, 0)])
def test_another_limit_counts_at_once(first, then, admitted):
    key_id = uuid4()
    ask(lambda limits: admit(limits, key_id, first, per_minute=first))
    waits = ask(lambda limits: admit(limits, key_id, 4, per_minute=then))
    assert waits.count(None) == admitted
