"""One connection of an event loop to the database, for single statements that it knows beforehand.

libpq sends and receives, the event loop tells when; psycopg connects and translates values. A cursor of psycopg's does
the same at three times the processor time (``make bench-gateway``).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from tokens.services.statement import number_parameters, read_row


@dataclass(frozen=True)
class Prepared:
    """A statement, the name under which connections know it, and its parameters in their order."""

    name: bytes
    text: bytes
    parameters: tuple[str, ...]
    formats: list[PyFormat]

    @classmethod
    def numbered(cls, number: int, sql: str) -> "Prepared":
        """Name a statement. Its parameters go as text, whose types the server takes from the function it calls."""
        text, parameters = number_parameters(sql)
        return cls(b"winnow_%d" % number, text, parameters, [PyFormat.TEXT] * len(parameters))

    async def make_known(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Prepare it by the protocol's own message: a pooler between us and the server understands no other."""
        connection.pgconn.send_prepare(self.name, self.text)
        (result,) = await connection.wait(generators.execute(connection.pgconn))
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise error_from_result(result)


class Connection:
    """Sends one statement at a time. ``on_free`` is called once it can send the next, ``on_lost`` once it is closed.

    A statement that was sent is never taken back: whoever waits for it may be cancelled, and the connection is free
    when the last of the result is in, not before.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        on_free: "Callable[[Connection], None]",
        on_lost: "Callable[[Connection], None]",
    ) -> None:
        self.answer: asyncio.Future[PGresult] | None = None
        self._libpq = connection.pgconn
        self._socket = self._libpq.socket
        self._adapter = Transformer(connection)
        self._on_free, self._on_lost = on_free, on_lost
        self._results: list[PGresult] = []
        self._is_sending = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)

    async def execute(self, prepared: Prepared, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Execute a statement and return its single row; raises the ``psycopg.Error`` that a cursor would raise."""
        return read_row(self._adapter, await self._send(prepared, parameters))

    def close(self, error: psycopg.OperationalError) -> None:
        """Close it; who waits for an answer gets the error."""
        answer, self.answer = self.answer, None
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._libpq.finish()
        self._on_lost(self)
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def _send(self, prepared: Prepared, parameters: Mapping[str, Any]) -> "asyncio.Future[PGresult]":
        try:
            values = self._adapter.dump_sequence([parameters[name] for name in prepared.parameters], prepared.formats)
        except BaseException:
            self._on_free(self)
            raise
        answer = self.answer = self._loop.create_future()
        try:
            self._libpq.send_query_prepared(prepared.name, values)
        except psycopg.OperationalError as error:
            self.close(error)
        else:
            self._flush()
        return answer

    def _flush(self) -> None:
        """Send what the socket takes now, and the rest when it takes more."""
        try:
            is_left = bool(self._libpq.flush())
        except psycopg.OperationalError as error:
            self.close(error)
            return
        if is_left and not self._is_sending:
            self._loop.add_writer(self._socket, self._flush)
        elif self._is_sending and not is_left:
            self._loop.remove_writer(self._socket)
        self._is_sending = is_left

    def _receive(self) -> None:
        """Take what has come: a part of a result, its end, or the end of the connection."""
        try:
            self._libpq.consume_input()
            while not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    break
                self._results.append(result)
            else:
                return
        except psycopg.OperationalError as error:
            self.close(error)
            return
        if self._results:
            self._finish()

    def _finish(self) -> None:
        """Hand over the result of a statement, and be free."""
        result, *_others = self._results
        answer, self.answer = self.answer, None
        self._results = []
        self._on_free(self)
        if answer is not None and not answer.done():
            answer.set_result(result)
