"""Columns that the ledger's tables share."""

from typing import Any

from django.db import models
from django.db.models.expressions import Func

from tenants.fields import ClockTimestamp, UUIDv7, uuid_key

__all__ = [
    "AttemptNumberField",
    "ClockTimestamp",
    "CurrentTransaction",
    "DomainField",
    "TokenAmountField",
    "TokenCountField",
    "TransactionIdField",
    "UUIDv7",
    "money",
    "uuid_key",
]


class TransactionIdField(models.Field[str, str]):
    """A column of PostgreSQL's type ``xid8``."""

    def db_type(self, connection: object) -> str:
        """Name the column's type."""
        return "xid8"


class DomainField(models.TextField[str, str]):
    """A column of one of the domains of ``tokens/sql/domains.sql``: the database refuses what is none of its values."""

    def __init__(self, domain: str, **options: Any) -> None:
        self.domain = domain
        super().__init__(**options)

    def db_type(self, connection: object) -> str:
        """Name the column's type."""
        return self.domain

    def deconstruct(self) -> Any:
        """Give migrations the domain, too."""
        name, path, _arguments, options = super().deconstruct()
        return name, path, (self.domain,), options


class TokenCountField(models.BigIntegerField[int, int]):
    """A number of tokens that can never be below zero."""

    def db_type(self, connection: object) -> str:
        """Name the column's type, a domain."""
        return "tokens_count"


class TokenAmountField(models.BigIntegerField[int, int]):
    """A number of tokens above zero."""

    def db_type(self, connection: object) -> str:
        """Name the column's type, a domain."""
        return "tokens_amount"


class AttemptNumberField(models.SmallIntegerField[int, int]):
    """The number of an attempt in its hold: 1, 2, 3 …"""

    def db_type(self, connection: object) -> str:
        """Name the column's type, a domain."""
        return "tokens_attempt_number"


class CurrentTransaction(Func):
    """PostgreSQL's ``pg_current_xact_id()``: the column by which rows can be read in commit order."""

    function = "pg_current_xact_id"
    output_field = TransactionIdField()


def money(**options: Any) -> models.DecimalField[Any, Any]:
    """Make a column of US dollars: ``numeric(20,12)``, so that the price of a single token stays exact."""
    return models.DecimalField(max_digits=20, decimal_places=12, null=True, blank=True, **options)
