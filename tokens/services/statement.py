"""Run one statement of the ledger, committed by itself."""

from collections.abc import Mapping
from typing import Any

from django.db import connection


def run(sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Execute one statement and return its single row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row


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
