"""The ledger: one append-only row per movement of tokens."""

from django.db import models
from django.db.models import Q

from tokens.models.account import Account, Allocation
from tokens.models.fields import ClockTimestamp, CurrentTransaction, DomainField, TransactionIdField, uuid_key


class EntryKind(models.TextChoices):
    """What moved, and with it which counter of the allocation (docs/data-model.md)."""

    GRANT = "grant", "Grant"
    USAGE = "usage", "Usage"
    REFUND = "refund", "Refund"
    EXPIRY = "expiry", "Expiry"
    REVOCATION = "revocation", "Revocation"
    DEBT = "debt", "Debt"
    DEBT_REPAYMENT = "debt_repayment", "Repayment of debt"


class LedgerEntry(models.Model):
    """One movement. The plain sum of ``delta_tokens`` is the company's balance, debt included."""

    id = uuid_key()
    company = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
    allocation = models.ForeignKey(
        Allocation,
        on_delete=models.PROTECT,
        related_name="entries",
        null=True,
        blank=True,
        db_constraint=False,
        help_text="Empty for debt alone, which lies on the account.",
    )
    kind = DomainField("tokens_entry_kind", choices=EntryKind)
    delta_tokens = models.BigIntegerField(help_text="Effect on the balance.")
    usage_log_id = models.UUIDField(null=True, blank=True)
    hold_id = models.UUIDField(null=True, blank=True)
    corrects_id = models.UUIDField(null=True, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    reason_code = models.CharField(max_length=64, blank=True, db_default="", default="")
    company_day = models.DateField()
    recorded_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    xact_id = TransactionIdField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        db_table = "tokens_ledger_entry"
        verbose_name_plural = "ledger entries"
        constraints = (
            models.UniqueConstraint(
                fields=("usage_log_id", "allocation", "kind"),
                condition=Q(usage_log_id__isnull=False),
                nulls_distinct=False,
                name="tokens_ledger_entry_once_per_log",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.delta_tokens:+d}"
