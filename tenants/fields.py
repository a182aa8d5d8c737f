"""Columns whose values the database makes or guards, for the tables of every app."""

from typing import Any

from django.db import models
from django.db.models.expressions import Func


class UUIDv7(Func):
    """PostgreSQL's ``uuidv7()``: a key that sorts by the time at which the row was made."""

    function = "uuidv7"
    output_field = models.UUIDField()


class ClockTimestamp(Func):
    """PostgreSQL's ``clock_timestamp()``: the moment itself, where ``now()`` is the transaction's start."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


def uuid_key() -> models.UUIDField[Any, Any]:
    """Make a primary key that the database fills with a time-ordered UUID."""
    return models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)


def known(name: str, choices: type[models.TextChoices], *, table: str) -> models.CheckConstraint:
    """Constrain a column to the values of its enumeration."""
    return models.CheckConstraint(condition=models.Q(**{f"{name}__in": choices.values}), name=f"{table}_known_{name}")
