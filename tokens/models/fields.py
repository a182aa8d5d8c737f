"""Columns that the ledger's tables share."""

from typing import Any

from django.db import models
from django.db.models.expressions import Func

from tenants.fields import ClockTimestamp, UUIDv7, uuid_key

__all__ = ["ClockTimestamp", "CurrentTransaction", "TransactionIdField", "UUIDv7", "known", "money", "uuid_key"]


class TransactionIdField(models.Field[str, str]):
    """A column of PostgreSQL's type ``xid8``."""

    def db_type(self, connection: object) -> str:
        """Name the column's type."""
        return "xid8"


class CurrentTransaction(Func):
    """PostgreSQL's ``pg_current_xact_id()``: the column by which rows can be read in commit order."""

    function = "pg_current_xact_id"
    output_field = TransactionIdField()


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Make a column of US dollars: ``numeric(20,12)``, so that the price of a single token stays exact."""
    return models.DecimalField(max_digits=20, decimal_places=12, null=True, blank=True, **options)


def known(name: str, choices: type[models.TextChoices], *, table: str) -> models.CheckConstraint:
    """Constrain a column to the values of its enumeration."""
    return models.CheckConstraint(condition=models.Q(**{f"{name}__in": choices.values}), name=f"{table}_known_{name}")
