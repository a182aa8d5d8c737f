"""Have somebody else move a company's tokens, so that a movement has to wait for its turn."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

_SOMEBODY_WAITS = """
    SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE NOT l.granted AND d.datname = current_database())
"""


@contextmanager
def turn_taken(company_id: int) -> Iterator[psycopg.Connection[Any]]:
    """Have somebody else move the company's tokens meanwhile."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT tokens_take_turn(%s)", [company_id])
        yield other


def somebody_waits(other: psycopg.Connection[Any]) -> bool:
    """Tell whether a movement waits for a lock."""
    row = other.execute(_SOMEBODY_WAITS).fetchone()
    return bool(row and row[0])


def after_waiting(company_id: int, movement: Callable[[], Any]) -> Any:
    """Make a movement that has to wait for another's, and return what it returns."""

    def in_thread() -> Any:
        try:
            return movement()
        finally:
            connection.close()

    with ThreadPoolExecutor() as threads, turn_taken(company_id) as other:
        moving = threads.submit(in_thread)
        while not somebody_waits(other):
            assert not moving.done()
        other.commit()
        return moving.result()
