"""One connection of an event loop to the database, for statements that it knows beforehand.

libpq sends and receives, the event loop tells when; psycopg connects and translates values. A cursor of psycopg's does
the same at three times the processor time (``make bench-gateway``).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from tokens.services.statement import error_of, number_parameters, read_row


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
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)


class Undone(Exception):
    """A statement was executed in one transaction with others, of which one failed: none of them took place."""


class Execution:
    """A statement that somebody wants to have executed, and waits for: ``answer`` is its single row."""

    __slots__ = ("answer", "parameters", "prepared")

    def __init__(
        self, prepared: Prepared, parameters: Mapping[str, Any], answer: "asyncio.Future[tuple[Any, ...]]"
    ) -> None:
        self.prepared = prepared
        self.parameters = parameters
        self.answer = answer

    def succeed(self, row: tuple[Any, ...]) -> None:
        """Hand over the row, unless nobody waits for it any more."""
        if not self.answer.done():
            self.answer.set_result(row)

    def fail(self, error: Exception) -> None:
        """Hand over what went wrong, unless nobody waits any more."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Connection:
    """Executes some statements at a time, in one transaction; tells ``on_free`` when it is ready for the next.

    A statement that was sent is never taken back: whoever waits for it may be cancelled, and the connection is free
    when the last of the results is in, not before. ``on_lost`` is told once it is closed.
    """

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        on_free: "Callable[[Connection], None]",
        on_lost: "Callable[[Connection], None]",
    ) -> None:
        self.under_way: Sequence[Execution] = ()
        self._libpq = connection.pgconn
        self._socket = self._libpq.socket
        self._adapter = Transformer(connection)
        self._on_free, self._on_lost = on_free, on_lost
        self._results: list[PGresult] = []
        self._is_sending = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)
        # In this mode what is sent up to a "sync" is one transaction, and goes without a round trip for each part.
        self._libpq.enter_pipeline_mode()

    def execute(self, executions: Sequence[Execution]) -> None:
        """Execute statements in one transaction.

        Each gets its row once that is committed, or the ``psycopg.Error`` that a cursor would raise; ``Undone`` where
        there are several and one failed.
        """
        self.under_way = sent = []
        try:
            for execution in executions:
                values = self._translate(execution)
                if values is not None:
                    self._libpq.send_query_prepared(execution.prepared.name, values)
                    sent.append(execution)
            if sent:
                self._libpq.pipeline_sync()
        except psycopg.OperationalError as error:
            self.under_way = executions  # those that were not sent, too
            self.close(error)
            return
        if sent:
            self._flush()
        else:
            self._on_free(self)

    def close(self, error: psycopg.OperationalError) -> None:
        """Close it; who waits for an answer gets the error."""
        cut_off, self.under_way = self.under_way, ()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._libpq.finish()
        self._on_lost(self)
        for execution in cut_off:
            execution.fail(error)

    def _translate(self, execution: Execution) -> Sequence[Any] | None:
        """Return the parameters as libpq takes them, or None for some that cannot be sent."""
        prepared = execution.prepared
        try:
            values = [execution.parameters[name] for name in prepared.parameters]
            return self._adapter.dump_sequence(values, prepared.formats)
        except Exception as error:
            execution.fail(error)
            return None

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
        """Take what has come: results, the end of the transaction, or the end of the connection."""
        try:
            self._libpq.consume_input()
            while (result := self._next_result()) is not None:
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._finish()
                    return
                self._results.append(result)
        except psycopg.OperationalError as error:
            self.close(error)

    def _next_result(self) -> PGresult | None:
        """Return the next result if it is in. Between two of them libpq says None, once."""
        for _ in range(2):
            if self._libpq.is_busy():
                return None
            if (result := self._libpq.get_result()) is not None:
                return result
        return None

    def _finish(self) -> None:
        """Hand over what came of a transaction, and be free."""
        executions, self.under_way = self.under_way, ()
        results, self._results = self._results, []
        self._on_free(self)  # first of all: the server works on the next while this process works on these
        failure = next((result for result in results if result.status != ExecStatus.TUPLES_OK), None)
        for execution, result in zip(executions, results, strict=False):
            if failure is None:
                execution.succeed(read_row(self._adapter, result))
            elif len(executions) > 1:
                execution.fail(Undone())
            else:
                execution.fail(error_of(failure))
