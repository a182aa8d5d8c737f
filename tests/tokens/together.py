"""Make movements of the ledger as one group, in this process and without an event loop."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from tokens.services.movements import Movement

Row = tuple[Any, ...]


def move_together(movements: Sequence[Movement[Any]]) -> list[Row]:
    """Make movements of one kind as one group; return what each was answered, as ``Movement.read`` takes it."""
    ways = [movement.among_many for movement in movements if movement.among_many]
    [sql] = {sql for sql, _as_json in ways}
    array = f"[{b','.join(as_json() for _sql, as_json in ways).decode()}]"
    with connection.cursor() as cursor:
        cursor.execute(sql, {"requests": array, "closings": array})
        rows = sorted(cursor.fetchall())
    assert [row[0] for row in rows] == list(range(1, len(movements) + 1))
    assert all(is_durable for *_row, is_durable in rows)
    return [tuple(row[1:-1]) for row in rows]
