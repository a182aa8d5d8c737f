"""The connections of one event loop: a few, made as they are needed, each used again and again."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from tokens.services.async_connection import Connection, Prepared

logger = structlog.get_logger(__name__)

_WAIT_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0
_CLOSED = "the connection was closed"


class NoConnection(Exception):
    """None became free or could be made in time, or all have been closed."""


class Connections:
    """At most so many connections, which know ``statements`` and nothing else. Each statement is committed by itself.

    One that breaks is noticed at once, in use or not, and is never used again.
    """

    def __init__(self, parameters: Mapping[str, Any], statements: Sequence[str], *, at_most: int) -> None:
        self._parameters = {"connect_timeout": int(_WAIT_SECONDS), **parameters, "autocommit": True}
        self._prepared = {sql: Prepared.numbered(number, sql) for number, sql in enumerate(statements)}
        self._at_most = at_most
        self._open: set[Connection] = set()
        self._free: list[Connection] = []  # the one used last is used next: what the server keeps for it is warm
        self._waiting: deque[asyncio.Future[Connection]] = deque()
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
            _fail(self._waiting.popleft())
        if answers := [connection.answer for connection in self._open if connection.answer is not None]:
            await asyncio.wait(answers, timeout=_WAIT_SECONDS)
        for connection in list(self._open):
            connection.close(psycopg.OperationalError(_CLOSED))

    def renew(self) -> None:
        """Close the connections that are free, so that new ones take their place."""
        for connection in list(self._free):
            connection.close(psycopg.OperationalError(_CLOSED))

    async def execute(self, sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Execute one of the statements and return its single row.

        Raises:
            NoConnection: nothing was sent.
            psycopg.Error: the class that a cursor would raise.
        """
        connection = self._free.pop() if self._free else await self._wait()
        return await connection.execute(self._prepared[sql], parameters)

    async def _wait(self) -> Connection:
        if self._is_closed:
            raise NoConnection
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Connection] = loop.create_future()
        self._waiting.append(waiting)
        self._grow_for_waiting()
        timer = loop.call_later(_WAIT_SECONDS, _fail, waiting)
        try:
            return await waiting
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(waiting)
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._give_back(waiting.result())  # it came when this task had just been cancelled
            raise
        finally:
            timer.cancel()

    def _give_back(self, connection: Connection) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
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


def _fail(waiting: "asyncio.Future[Connection]") -> None:
    if not waiting.done():
        waiting.set_exception(NoConnection())
