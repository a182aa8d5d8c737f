"""Run one statement of the ledger, committed by itself."""

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from django.db import connection

from tokens.sql.calls import MAKE_DURABLE


def run(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Execute one statement and return its single row.

    By the driver's own cursor: Django's writes the values into the text, at a fifth more of the processor per call.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cast(tuple[Any, ...], cursor.execute(sql, parameters).fetchone())


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
