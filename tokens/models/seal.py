"""Seals: a company's ledger in consecutive stretches, each with a SHA-256 over the one before (law 8)."""

from django.db import models
from django.db.models import F, Q

from tokens.models.account import Account
from tokens.models.fields import ClockTimestamp, TransactionIdField


class Seal(models.Model):
    """One stretch of a company's ledger in commit order, all of one day, that can no longer change unnoticed.

    Append-only, and written by ``tokens_seal_next`` alone: see ``tokens/sql/seals.sql`` for what a seal takes in, and
    ``tokens/seal_format.py`` for the text that is hashed. ``from_xact`` is the ``to_xact`` of the seal before.
    """

    pk = models.CompositePrimaryKey("company_id", "number")
    company = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="seals", db_index=False)
    number = models.IntegerField(help_text="1, 2, 3 … in every company.")
    company_day = models.DateField(help_text="The day whose statement these entries belong to.")
    closes_day = models.BooleanField(help_text="Whether entries that commit from now on belong to later days.")
    from_xact = TransactionIdField(help_text="The first transaction that it may hold.")
    to_xact = TransactionIdField(help_text="The first transaction that it no longer holds.")
    entry_count = models.IntegerField()
    delta_tokens = models.BigIntegerField(help_text="Sum of its entries.")
    balance_tokens = models.BigIntegerField(help_text="The company's true balance after them.")
    previous_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "from_xact"), name="tokens_seal_begins_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="tokens_seal_numbered_from_one"),
            models.CheckConstraint(condition=Q(entry_count__gte=1), name="tokens_seal_not_empty"),
            models.CheckConstraint(condition=Q(from_xact__lt=F("to_xact")), name="tokens_seal_ends_after_start"),
            models.CheckConstraint(
                condition=Q(sha256__regex="^[0-9a-f]{64}$", previous_sha256__regex="^[0-9a-f]{64}$"),
                name="tokens_seal_hashes_are_sha256",
            ),
        )
        indexes = (models.Index(fields=("company", "company_day"), name="tokens_seal_of_day"),)

    def __str__(self) -> str:
        return f"seal {self.number} of {self.company_day}: {self.entry_count} entries"
