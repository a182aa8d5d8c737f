"""The connections of one event loop: a few, made as they are needed, each used again and again."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from tokens.services.async_connection import Connection, Execution, Prepared

logger = structlog.get_logger(__name__)

_WAIT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0
_CLOSED = "the connection was closed"


class NoConnection(Exception):
    """None became free or could be made in time, or all have been closed."""


class Connections:
    """At most so many connections, which know ``statements`` and nothing else.

    Each execution is a transaction by itself. With ``together`` above one, the statements are of many (``Prepared``),
    and executions that had to wait for a connection share a transaction, up to so many. A connection that breaks is
    noticed at once, in use or not, and is never used again.
    """

    def __init__(
        self, parameters: Mapping[str, Any], statements: Sequence[str], *, at_most: int, together: int = 1
    ) -> None:
        self._parameters = {"connect_timeout": int(_WAIT_SECONDS), **parameters, "autocommit": True}
        self._prepared = {
            sql: Prepared.numbered(number, sql, of_many=together > 1) for number, sql in enumerate(statements)
        }
        self._at_most = at_most
        self._together = together
        self._open: set[Connection] = set()
        self._free: list[Connection] = []  # the one used last is used next: what the server keeps for it is warm
        self._waiting: deque[Execution] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._being_opened = 0
        self._is_closed = True

    def open(self) -> None:
        """Begin to connect; does not wait for the database."""
        self._is_closed = False
        self._grow()

    async def close(self) -> None:
        """Let what is under way end, for a while, and close every connection."""
        self._is_closed = True
        for opening in self._opening:
            opening.cancel()
        while self._waiting:
            self._waiting.popleft().fail(NoConnection())
        if answers := [execution.answer for connection in self._open for execution in connection.under_way]:
            await asyncio.wait(answers, timeout=_WAIT_SECONDS)
        for connection in list(self._open):
            connection.close(psycopg.OperationalError(_CLOSED))

    def renew(self) -> None:
        """Close the connections that are free, so that new ones take their place."""
        for connection in list(self._free):
            connection.close(psycopg.OperationalError(_CLOSED))

    async def execute(self, sql: str, given: Mapping[str, Any] | bytes) -> tuple[Any, ...]:
        """Execute one of the statements and return the row for what is ``given`` (``Execution``), committed.

        Raises:
            NoConnection: nothing was sent.
            Undone: another statement of the transaction failed; see ``Connection.execute``.
            psycopg.Error: the class that a cursor would raise.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Any, ...]] = loop.create_future()
        execution = Execution(self._prepared[sql], given, answer)
        if self._free:
            self._free.pop().execute([execution])
            return await answer
        if self._is_closed:
            raise NoConnection
        self._waiting.append(execution)
        self._grow_for_waiting()
        timer = loop.call_later(_WAIT_SECONDS, self._give_up, execution)
        try:
            return await answer
        finally:
            timer.cancel()

    def _give_up(self, execution: Execution) -> None:
        """Let an execution wait no longer for a connection; for the answer, once sent, it waits as long as it takes."""
        if execution in self._waiting:
            self._waiting.remove(execution)
            execution.fail(NoConnection())

    def _give_back(self, connection: Connection) -> None:
        """Have a connection that is ready execute what waits, if anything does."""
        executions: list[Execution] = []
        while self._waiting and len(executions) < self._together:
            execution = self._waiting.popleft()
            if not execution.answer.done():  # or its task was cancelled meanwhile
                executions.append(execution)
        if executions:
            connection.execute(executions)
        else:
            self._free.append(connection)

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        with suppress(ValueError):
            self._free.remove(connection)
        self._grow_for_waiting()

    def _grow_for_waiting(self) -> None:
        if len(self._waiting) > self._being_opened:
            self._grow()

    def _grow(self) -> None:
        if self._is_closed or len(self._open) + self._being_opened >= self._at_most:
            return
        self._being_opened += 1
        opening = asyncio.ensure_future(self._open_one())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open_one(self) -> None:
        """Connect, trying again while somebody waits."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while (connection := await self._connect()) is None and self._waiting:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            self._being_opened -= 1
        if connection is not None:
            self._open.add(connection)
            self._give_back(connection)

    async def _connect(self) -> Connection | None:
        try:
            connection = await psycopg.AsyncConnection.connect(**self._parameters)
            try:
                for prepared in self._prepared.values():
                    await prepared.make_known(connection)
            except BaseException:
                await connection.close()
                raise
        except psycopg.Error as error:
            logger.warning("ledger_connection_failed", error=str(error))
            return None
        return Connection(connection, self._give_back, self._forget)
