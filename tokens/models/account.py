"""What a company has: its account and its allocations."""

from django.db import models
from django.db.models import F, Q

from tenants.models import Company
from tokens.models.fields import ClockTimestamp, DomainField, TokenCountField, uuid_key


class OverdraftPolicy(models.TextChoices):
    """Who bears what a call used beyond its hold and the balance."""

    DEBT = "debt", "The company, from its next tokens"
    ABSORB = "absorb", "The platform"


class Account(models.Model):
    """One row per company, locked first by every statement that moves its tokens.

    Its lock serialises a company's movements without any lock on ``tenants_company``, which readers share.
    """

    company = models.OneToOneField(Company, primary_key=True, on_delete=models.PROTECT, related_name="token_account")
    debt_tokens = TokenCountField(db_default=0, default=0)
    overdraft_policy = DomainField(
        "tokens_overdraft_policy",
        choices=OverdraftPolicy,
        default=OverdraftPolicy.DEBT,
        db_default=OverdraftPolicy.DEBT,
    )

    def __str__(self) -> str:
        return f"tokens of company {self.company_id}"


class Source(models.TextChoices):
    """Where an allocation came from."""

    PLAN = "plan", "Plan"
    PURCHASE = "purchase", "Purchase"
    PROMOTION = "promotion", "Promotion"
    ADJUSTMENT = "adjustment", "Adjustment"
    ROLLOVER = "rollover", "Rollover"
    REFUND = "refund", "Refund"


FREE_TOKENS = F("allocated_tokens") - F("used_tokens") - F("held_tokens") - F("expired_tokens") - F("revoked_tokens")


class AllocationQuerySet(models.QuerySet["Allocation"]):
    """Filters over allocations."""

    def effective(self) -> "AllocationQuerySet":
        """Keep those that have taken effect and have not expired, by the database's clock."""
        moment = ClockTimestamp()
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=moment), effective_at__lte=moment)

    def in_burn_order(self) -> "AllocationQuerySet":
        """Order as tokens are spent: priority, then earliest expiry, then oldest."""
        return self.order_by("priority", F("expires_at").asc(nulls_last=True), "created_at", "id")


class Allocation(models.Model):
    """A grant of tokens. Its counters are a cache of its ledger entries and open holds (laws 1 and 2)."""

    id = uuid_key()
    company = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="allocations", db_index=False)
    source = DomainField("tokens_source", choices=Source)
    source_id = models.CharField(max_length=64, null=True, blank=True)
    priority = models.SmallIntegerField(db_default=100, default=100)
    effective_at = models.DateTimeField(db_default=ClockTimestamp())
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    allocated_tokens = TokenCountField()
    used_tokens = TokenCountField(db_default=0, default=0)
    held_tokens = TokenCountField(db_default=0, default=0)
    expired_tokens = TokenCountField(db_default=0, default=0)
    revoked_tokens = TokenCountField(db_default=0, default=0)

    objects = AllocationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "id"), name="tokens_allocation_of_company"),
            models.UniqueConstraint(
                fields=("company", "source", "source_id"), name="tokens_allocation_source_granted_once"
            ),
        )
        indexes = (
            models.Index(fields=("company", "priority", "expires_at"), name="tokens_allocation_burn_order"),
            models.Index(
                fields=("expires_at",), condition=Q(expires_at__isnull=False), name="tokens_allocation_expiry"
            ),
        )

    def __str__(self) -> str:
        return f"{self.allocated_tokens} tokens from {self.source}"

    @property
    def free_tokens(self) -> int:
        """Tokens that a new hold could take."""
        return self.allocated_tokens - self.used_tokens - self.held_tokens - self.expired_tokens - self.revoked_tokens
