"""Connections without cursors: every task gets its own answer, whoever is cancelled, refused or cut off meanwhile."""

import asyncio

import psycopg
import pytest
import uvloop

from tokens.services import async_connections
from tokens.services.async_connections import Connections, NoConnection
from tokens.services.async_ledger import _connection_parameters

pytestmark = pytest.mark.usefixtures("committed_db")

SAY = "SELECT %(text)s::text"
SAY_WHEN_UNLOCKED = "SELECT %(text)s::text FROM pg_advisory_xact_lock(74)"
DIVIDE = "SELECT 1 / %(number)s::integer"
LENGTH = "SELECT length(%(text)s::text), %(text)s::text"
TELL_PID = "SELECT pg_backend_pid()"
STATEMENTS = (SAY, SAY_WHEN_UNLOCKED, DIVIDE, LENGTH, TELL_PID)


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run ``work(connections)`` on either event loop."""

    def run(work, at_most=1):
        async def main():
            connections = Connections(_connection_parameters(), STATEMENTS, at_most=at_most)
            connections.open()
            try:
                async with asyncio.timeout(20):
                    return await work(connections)
            finally:
                await connections.close()

        return request.param(main())

    return run


@pytest.fixture
def server():
    """The other end, by a connection of its own, which holds the lock that ``SAY_WHEN_UNLOCKED`` waits for."""
    with psycopg.connect(**_connection_parameters(), autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(74)")
        yield Server(holder)


class Server:
    def __init__(self, holder):
        self._holder = holder

    async def is_waited_for(self, by=1):
        """Return once so many statements have reached the server and wait there."""
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 74 AND NOT granted"
        while self._holder.execute(query).fetchone() != (by,):
            await asyncio.sleep(0)

    def unlock(self):
        self._holder.execute("SELECT pg_advisory_unlock(74)")

    def end(self, pid):
        assert self._holder.execute("SELECT pg_terminate_backend(%s)", [pid]).fetchone() == (True,)


async def say(connections, text):
    (said,) = await connections.execute(SAY, {"text": text})
    return said


async def begin_to_say(connections, server, text):
    """Return a task whose statement is under way on the server."""
    saying = asyncio.ensure_future(connections.execute(SAY_WHEN_UNLOCKED, {"text": text}))
    await server.is_waited_for()
    return saying


def test_answers_side_by_side_reach_who_asked(run):
    async def work(connections):
        return await asyncio.gather(*(say(connections, str(number)) for number in range(100)))

    assert run(work, at_most=3) == [str(number) for number in range(100)]


def test_nobody_gets_the_answer_to_a_statement_whose_task_was_cancelled(run, server):
    async def work(connections):
        left = await begin_to_say(connections, server, "left")
        left.cancel()
        next_one = asyncio.ensure_future(say(connections, "next"))
        done, _ = await asyncio.wait([left, next_one], return_when=asyncio.FIRST_COMPLETED)
        assert (done, left.cancelled()) == ({left}, True)
        server.unlock()
        return await next_one, await say(connections, "last")

    assert run(work) == ("next", "last")


def test_a_connection_that_comes_free_for_a_task_just_cancelled_is_not_lost(run, server, monkeypatch):
    give_back, waiting = Connections._give_back, []

    def cancel_then(self, connection):
        give_back(self, connection)
        if waiting:
            waiting.pop().cancel()

    async def work(connections):
        first = await begin_to_say(connections, server, "first")
        cancelled = asyncio.ensure_future(say(connections, "cancelled"))
        await asyncio.sleep(0)
        waiting.append(cancelled)
        server.unlock()
        await asyncio.wait([first, cancelled])
        assert (first.result(), cancelled.cancelled()) == (("first",), True)
        return await say(connections, "next")

    monkeypatch.setattr(Connections, "_give_back", cancel_then)
    assert run(work) == "next"


def test_who_waits_too_long_is_told_so(run, server, monkeypatch):
    async def work(connections):
        saying = await begin_to_say(connections, server, "first")
        monkeypatch.setattr(async_connections, "_WAIT_SECONDS", 0.01)
        with pytest.raises(NoConnection):
            await say(connections, "in vain")
        server.unlock()
        return await saying, await say(connections, "next")

    assert run(work) == (("first",), "next")


def test_what_does_not_fit_into_the_socket_at_once_is_sent_all_the_same(run):
    text = "ä" * 3_000_000

    async def work(connections):
        return await asyncio.gather(*(connections.execute(LENGTH, {"text": text}) for _ in range(3)))

    assert run(work) == [(len(text), text)] * 3


def test_a_refusal_is_the_error_of_a_cursor_and_the_connection_goes_on(run):
    async def work(connections):
        pid = await connections.execute(TELL_PID, {})
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connections.execute(DIVIDE, {"number": 0})
        with pytest.raises(psycopg.DataError):
            await say(connections, "a\0b")
        assert await connections.execute(DIVIDE, {"number": 1}) == (1,)
        assert await connections.execute(TELL_PID, {}) == pid

    run(work)


def test_a_connection_that_breaks_under_a_statement_is_replaced(run, server):
    async def work(connections):
        (pid,) = await connections.execute(TELL_PID, {})
        saying = await begin_to_say(connections, server, "cut off")
        server.end(pid)
        with pytest.raises(psycopg.OperationalError):
            await saying
        return pid, await connections.execute(TELL_PID, {})

    pid, (next_pid,) = run(work)
    assert pid != next_pid


def test_a_connection_that_breaks_while_it_is_free_is_never_used_again(run, server):
    async def work(connections):
        (pid,) = await connections.execute(TELL_PID, {})
        server.end(pid)
        while connections._free:
            await asyncio.sleep(0)
        return pid, await connections.execute(TELL_PID, {})

    pid, (next_pid,) = run(work)
    assert pid != next_pid


def test_a_database_that_comes_back_while_somebody_waits_is_noticed(run, monkeypatch):
    connect, failures = psycopg.AsyncConnection.connect, [1, 2, 3]

    async def fail_at_first(**parameters):
        if failures:
            failures.pop()
            raise psycopg.OperationalError("away")
        return await connect(**parameters)

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", fail_at_first)
    assert run(lambda connections: say(connections, "back")) == "back"
    assert failures == []


def test_closing_waits_for_what_is_under_way_and_refuses_what_comes_after(run, server):
    async def work(connections):
        saying = await begin_to_say(connections, server, "first")
        waiting = asyncio.ensure_future(say(connections, "in vain"))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(connections.close())
        with pytest.raises(NoConnection):
            await waiting
        assert not closing.done()
        server.unlock()
        await closing
        with pytest.raises(NoConnection):
            await say(connections, "too late")
        return await saying

    assert run(work) == ("first",)


def test_connections_are_made_as_they_are_needed_and_no_more_than_allowed(run, server):
    async def work(connections):
        saying = [
            asyncio.ensure_future(connections.execute(SAY_WHEN_UNLOCKED, {"text": str(number)})) for number in range(5)
        ]
        await server.is_waited_for(by=3)
        count = len(connections._open)
        server.unlock()
        return count, [text for (text,) in await asyncio.gather(*saying)]

    assert run(work, at_most=3) == (3, ["0", "1", "2", "3", "4"])
    assert run(_use_one_after_another, at_most=3) == 1


async def _use_one_after_another(connections):
    for _ in range(5):
        await say(connections, "hi")
    return len(connections._open)
