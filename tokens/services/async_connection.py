"""One connection of an event loop to the database, for statements that it knows beforehand.

libpq sends and receives, the event loop tells when; psycopg connects and translates values. A cursor of psycopg's does
the same at three times the processor time (``make bench-gateway``).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from tokens.services.statement import error_of, number_parameters, read_row, read_rows


@dataclass(frozen=True)
class Prepared:
    """A statement, the name under which connections know it, and its parameters in their order.

    One ``of_many`` takes a JSON array as its only parameter and answers each item in a row that begins with the item's
    place, from one. Any other takes the parameters of one execution and answers it in a single row.
    """

    name: bytes
    text: bytes
    parameters: tuple[str, ...]
    formats: list[PyFormat]
    of_many: bool

    @classmethod
    def numbered(cls, number: int, sql: str, *, of_many: bool) -> "Prepared":
        """Name a statement. Its parameters go as text, whose types the server takes from the function it calls."""
        text, parameters = number_parameters(sql)
        return cls(b"winnow_%d" % number, text, parameters, [PyFormat.TEXT] * len(parameters), of_many)

    async def make_known(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Prepare it by the protocol's own message: a pooler between us and the server understands no other."""
        connection.pgconn.send_prepare(self.name, self.text)
        (result,) = await connection.wait(generators.execute(connection.pgconn))
        if result.status != ExecStatus.COMMAND_OK:
            raise error_of(result)


class Undone(Exception):
    """A statement was executed in one transaction with others, of which one failed: none of them took place."""


class Execution:
    """A statement that somebody wants to have executed, and waits for: ``answer`` is the row for it.

    ``given`` are the statement's parameters, or the JSON of an item for a statement of many.
    """

    __slots__ = ("answer", "given", "prepared")

    def __init__(
        self, prepared: Prepared, given: Mapping[str, Any] | bytes, answer: "asyncio.Future[tuple[Any, ...]]"
    ) -> None:
        self.prepared = prepared
        self.given = given
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
        self._sent: list[Sequence[Execution]] = []  # by statement
        self._results: list[PGresult] = []
        self._is_sending = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)
        # In this mode what is sent up to a "sync" is one transaction, and goes without a round trip for each part.
        self._libpq.enter_pipeline_mode()

    def execute(self, executions: Sequence[Execution]) -> None:
        """Execute one statement, or statements of many for any number of executions, in one transaction.

        Each execution gets its row once that is committed, or the ``psycopg.Error`` that a cursor would raise;
        ``Undone`` where there are several and one failed.
        """
        self.under_way = executions
        try:
            for together in _by_statement(executions):
                values = self._translate(together)
                if values is not None:
                    self._libpq.send_query_prepared(together[0].prepared.name, values)
                    self._sent.append(together)
            if self._sent:
                self._libpq.pipeline_sync()
        except psycopg.OperationalError as error:
            self.close(error)
            return
        if self._sent:
            self._flush()
        else:
            self.under_way = ()
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

    def _translate(self, together: Sequence[Execution]) -> Sequence[Any] | None:
        """Return a statement's parameters as libpq takes them, or None for some that cannot be sent."""
        execution = together[0]
        if isinstance(execution.given, bytes):
            return [b"[%b]" % b",".join(cast(bytes, each.given) for each in together)]
        prepared = execution.prepared
        try:
            values = [execution.given[name] for name in prepared.parameters]
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
        sent, self._sent = self._sent, []
        results, self._results = self._results, []
        self._on_free(self)  # first of all: the server works on the next while this process works on these
        failure = next((result for result in results if result.status != ExecStatus.TUPLES_OK), None)
        if failure is None:
            for together, result in zip(sent, results, strict=True):
                self._answer(together, result)
            return
        error = Undone() if len(executions) > 1 else error_of(failure)
        for execution in executions:
            execution.fail(error)

    def _answer(self, together: Sequence[Execution], result: PGresult) -> None:
        """Hand over the rows of a statement."""
        if not together[0].prepared.of_many:
            together[0].succeed(read_row(self._adapter, result))
            return
        for row in read_rows(self._adapter, result):
            together[row[0] - 1].succeed(row[1:])
        for execution in together:  # nobody waits for ever for a row that the statement owes
            execution.fail(psycopg.InternalError("the statement has no row for this item"))


def _by_statement(executions: Sequence[Execution]) -> Iterable[Sequence[Execution]]:
    """Return executions by the statement that they are sent with."""
    if len(executions) == 1:
        return (executions,)
    together: dict[bytes, list[Execution]] = {}
    for execution in executions:
        together.setdefault(execution.prepared.name, []).append(execution)
    return together.values()
