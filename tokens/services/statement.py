"""Run one statement of the ledger, committed by itself."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from django.db import connection, connections
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from tokens.sql.calls import MAKE_DURABLE

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def run(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Execute one statement and return its single row. Its only percent signs are those of ``%(name)s``.

    By libpq's one call for a statement with parameters: cursors would spend a third more of the processor on a hold and
    its settlement (``make bench-ledger``). While it waits for the database, the thread notices no signal.
    """
    database = connections["default"]  # ``connection`` looks this up anew for each attribute
    database.ensure_connection()
    with database.wrap_database_errors:
        return _exchange(database.connection, sql, parameters)


def _exchange(connection: psycopg.Connection[Any], sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Send one statement, wait for its result, and return its row.

    Raises:
        psycopg.Error: the class that a cursor would raise.
    """
    libpq = connection.pgconn
    if not connection.autocommit and libpq.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        connection.execute("SELECT")  # only psycopg's own statements begin the transaction that it was told to keep
    text, names = number_parameters(sql)
    adapter = Transformer(connection)
    values = adapter.dump_sequence([parameters[name] for name in names], [PyFormat.AUTO] * len(names))
    return read_row(adapter, libpq.exec_params(text, values, adapter.types, adapter.formats))


def read_row(adapter: psycopg.abc.Transformer, result: PGresult) -> tuple[Any, ...]:
    """Return the single row of a result; raises the ``psycopg.Error`` that a cursor would raise."""
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise error_of(result)
    return read_rows(adapter, result)[0]


def read_rows(adapter: psycopg.abc.Transformer, result: PGresult) -> list[tuple[Any, ...]]:
    """Return the rows of a result that has some."""
    adapter.set_pgresult(result)
    return adapter.load_rows(0, result.ntuples, tuple)


def error_of(result: PGresult) -> psycopg.Error:
    """Return the error that a cursor would raise for a result."""
    if not result.error_field(psycopg.pq.DiagnosticField.SQLSTATE):
        return psycopg.OperationalError(result.get_error_message())  # libpq's own word: the connection is lost
    return error_from_result(result)


@cache
def number_parameters(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with the placeholders that libpq knows, and the names in their order."""
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(sql)))
    return _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", sql).encode(), names


def run_durably(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Execute one statement whose last column is IS_DURABLE, and return its single row without that.

    Once this returns, what the statement did is on disk.
    """
    *row, is_durable = run(sql, parameters)
    if not is_durable:
        run(MAKE_DURABLE, {})
    return tuple(row)


def list_ids(sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    """Execute a query of one column and return its values."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def require_no_transaction() -> None:
    """Refuse to go on inside a transaction: a hold must be durable before anything is sent.

    The transaction that a test case puts around a test does not count, as with Django's ``durable`` blocks.

    Raises:
        RuntimeError: a transaction is open; its rollback would undo a hold whose call was made.
    """
    blocks = connection.atomic_blocks
    if blocks and not blocks[-1]._from_testcase:  # type: ignore[attr-defined]  # as Django's own check does
        raise RuntimeError("Holds are placed and closed outside transactions.")
