"""Connections without cursors: every task gets its own answer, whoever is cancelled, refused or cut off meanwhile."""

import asyncio
import json
import re

import psycopg
import pytest
import uvloop

from tokens.services import async_connections
from tokens.services.async_connection import Undone
from tokens.services.async_connections import Connections, NoConnection
from tokens.services.async_ledger import _connection_parameters

pytestmark = pytest.mark.usefixtures("committed_db")

SAY = "SELECT %(text)s::text"
SAY_WHEN_UNLOCKED = "SELECT %(text)s::text FROM pg_advisory_xact_lock(74)"
DIVIDE = "SELECT 1 / %(number)s::integer"
LENGTH = "SELECT length(%(text)s::text), %(text)s::text"
SAY_NOTHING = "SELECT 'text' WHERE false"
TELL_PID = "SELECT pg_backend_pid()"
TELL_TRANSACTION = "SELECT pg_current_xact_id()::text, %(text)s::text"
# Its foreign key is looked at by the commit.
BREAK_AT_COMMIT = """
    INSERT INTO tokens_answer (hold_id, content, erase_after) VALUES (gen_random_uuid(), '{}', now()) RETURNING 'done'
"""
# Those who wait for the lock that SAY_WHEN_UNLOCKED takes, in this database: others have a lock of that name, too.
WAITING = """
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 74 AND NOT l.granted
"""
STATEMENTS = (SAY, SAY_WHEN_UNLOCKED, SAY_NOTHING, DIVIDE, LENGTH, TELL_PID, TELL_TRANSACTION, BREAK_AT_COMMIT)


def of_many(statement):
    """Return the same statement for each item of an array."""
    for_each = re.sub(r"%\((\w+)\)s", r"(item ->> '\1')", statement)
    if statement == BREAK_AT_COMMIT:
        return f"WITH broken (said) AS ({for_each}) SELECT 1::bigint, said FROM broken, jsonb(%(items)s::jsonb)"
    return f"""
        SELECT place, said.* FROM jsonb_array_elements(%(items)s::jsonb) WITH ORDINALITY items (item, place)
        CROSS JOIN LATERAL ({for_each}) said
    """


class Together(Connections):
    """Executes the same statements, each for many at once."""

    def __init__(self, parameters, statements, **options):
        super().__init__(parameters, [of_many(statement) for statement in statements], **options)

    async def execute(self, sql, parameters):
        return await super().execute(of_many(sql), json.dumps(parameters).encode())


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run ``work(connections)`` on either event loop."""

    def run(work, at_most=1, together=1):
        async def main():
            kind = Connections if together == 1 else Together
            connections = kind(_connection_parameters(), STATEMENTS, at_most=at_most, together=together)
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
        while len(self.ask(WAITING)) != by:
            await asyncio.sleep(0)

    def ask(self, query):
        return self._holder.execute(query).fetchall()

    def lock(self):
        self._holder.execute("SELECT pg_advisory_lock(74)")

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


def test_a_connection_that_comes_free_for_a_task_just_cancelled_is_not_lost(run, server):
    async def work(connections):
        first = await begin_to_say(connections, server, "first")
        cancelled = asyncio.ensure_future(say(connections, "cancelled"))
        await asyncio.sleep(0)
        first.add_done_callback(lambda _done: cancelled.cancel())  # when the connection has just become its own
        server.unlock()
        await asyncio.wait([first, cancelled])
        assert (first.result(), cancelled.cancelled()) == (("first",), True)
        return await say(connections, "next")

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


def test_an_error_of_the_commit_is_an_error_of_the_statement(run):
    async def work(connections):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            await connections.execute(BREAK_AT_COMMIT, {})
        return await say(connections, "next")

    assert run(work) == "next"


async def _execute_behind(connections, server, statements):
    """Have statements wait for the one connection; return what came of each."""
    first = await begin_to_say(connections, server, "first")
    behind = [asyncio.ensure_future(connections.execute(sql, parameters)) for sql, parameters in statements]
    await asyncio.sleep(0)
    server.unlock()
    await first
    return await asyncio.gather(*behind, return_exceptions=True)


def test_each_that_waited_has_a_transaction_of_its_own_unless_they_may_share_one(run, server):
    def work(connections):
        return _execute_behind(connections, server, [(TELL_TRANSACTION, {"text": str(n)}) for n in range(5)])

    for together, transactions in ((1, 5), (2, 3), (5, 1)):
        told = run(work, together=together)
        server.lock()
        assert [text for _transaction, text in told] == ["0", "1", "2", "3", "4"]
        assert len({transaction for transaction, _text in told}) == transactions


@pytest.mark.parametrize(
    "bad",
    [(SAY, {"text": "b\0"}), (DIVIDE, {"number": 0}), (BREAK_AT_COMMIT, {})],
    ids=["value", "statement", "commit"],
)
def test_of_several_in_one_transaction_none_took_place_when_one_failed(run, server, bad):
    async def work(connections):
        failed = await _execute_behind(connections, server, [(SAY, {"text": "a"}), bad, (SAY, {"text": "b"})])
        assert [type(error) for error in failed] == [Undone, Undone, Undone]
        return await say(connections, "next")

    assert run(work, together=8) == "next"


def test_what_cannot_be_sent_concerns_nobody_else(run, server):
    async def work(connections):
        return await _execute_behind(
            connections, server, [(SAY, {"text": "a"}), (SAY, {"text": "b\0"}), (SAY, {"text": "c"})]
        )

    a, refusal, c = run(work)
    assert (a, c) == (("a",), ("c",))
    assert isinstance(refusal, psycopg.DataError)


def test_an_item_that_a_statement_has_no_row_for_is_told_so(run, server):
    async def work(connections):
        one, none = await _execute_behind(connections, server, [(SAY, {"text": "a"}), (SAY_NOTHING, {})])
        assert one == ("a",)
        assert isinstance(none, psycopg.InternalError)
        return await say(connections, "next")

    assert run(work, together=8) == "next"


def test_who_was_cancelled_while_waiting_is_left_out_of_the_transaction(run, server):
    async def work(connections):
        first = await begin_to_say(connections, server, "first")
        cancelled, other = (
            asyncio.ensure_future(connections.execute(sql, parameters))
            for sql, parameters in [(DIVIDE, {"number": 0}), (SAY, {"text": "other"})]
        )
        await asyncio.sleep(0)
        cancelled.cancel()
        server.unlock()
        return await first, await other

    assert run(work, together=8) == (("first",), ("other",))


def test_a_connection_that_breaks_under_several_breaks_for_each(run, server):
    async def work(connections):
        (pid,) = await connections.execute(TELL_PID, {})
        first = await begin_to_say(connections, server, "first")
        behind = [asyncio.ensure_future(connections.execute(SAY_WHEN_UNLOCKED, {"text": "b"})) for _ in range(3)]
        server.end(pid)
        with pytest.raises(psycopg.OperationalError):
            await first
        await server.is_waited_for()
        ((pid,),) = server.ask(WAITING)
        server.end(pid)
        broken = await asyncio.gather(*behind, return_exceptions=True)
        assert [isinstance(error, psycopg.OperationalError) for error in broken] == [True] * 3
        return await say(connections, "next")

    assert run(work, together=8) == "next"


class CutOff:
    """libpq, which notices while it sends that the connection is gone."""

    def __init__(self, libpq, sends):
        self._libpq, self._sends = libpq, sends

    def __getattr__(self, name):
        return getattr(self._libpq, name)

    def send_query_prepared(self, name, values):
        self._sends -= 1
        if self._sends < 0:
            raise psycopg.OperationalError("gone")
        self._libpq.send_query_prepared(name, values)


def test_a_connection_that_breaks_while_several_are_sent_breaks_for_each(run, server):
    async def work(connections):
        (connection,) = connections._open
        first = await begin_to_say(connections, server, "first")
        behind = [
            asyncio.ensure_future(connections.execute(sql, {"text": "behind"}))
            for sql in (SAY, LENGTH, TELL_TRANSACTION)
        ]
        await asyncio.sleep(0)
        connection._libpq = CutOff(connection._libpq, sends=1)
        server.unlock()
        await first
        broken = await asyncio.gather(*behind, return_exceptions=True)
        assert [str(error) for error in broken] == ["gone"] * 3
        return await say(connections, "next")

    async def connected(connections):
        await say(connections, "hi")
        return await work(connections)

    assert run(connected, together=8) == "next"


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
