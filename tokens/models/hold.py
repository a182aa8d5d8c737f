"""Tokens reserved for a call, and the requests made under the reservation."""

from django.db import models
from django.db.models import Q

from tokens.models.account import Account, Allocation
from tokens.models.fields import (
    AttemptNumberField,
    ClockTimestamp,
    DomainField,
    TokenAmountField,
    TokenCountField,
    money,
    uuid_key,
)


class HoldState(models.TextChoices):
    """How a hold ends: once, except that an expired hold may still be settled (law 5)."""

    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"
    EXPIRED = "expired", "Expired"


class KeyOwner(models.TextChoices):
    """Whose key a provider is called with."""

    PLATFORM = "platform", "Platform"
    COMPANY = "company", "Company"


class PriceKind(models.TextChoices):
    """Where the price came from; an unknown price is null and says so, never zero."""

    LISTED = "listed", "Price list"
    OVERRIDE = "override", "Staff override"
    FALLBACK = "fallback", "Fallback per operation"
    FREE = "free", "Free"
    OWN_KEY = "own_key", "The company's own key"
    UNPRICED = "unpriced", "Not priced"


class Attributed(models.Model):
    """What a call was made for. Ids only: the ledger holds no name and no text about people."""

    operation = models.CharField(max_length=32)
    feature = models.CharField(max_length=64, blank=True, db_default="", default="")
    application_id = models.UUIDField(null=True, blank=True)
    job_id = models.UUIDField(null=True, blank=True)
    user_id = models.BigIntegerField(null=True, blank=True)
    api_key_id = models.UUIDField(null=True, blank=True)
    step_id = models.UUIDField(null=True, blank=True)
    trace_id = models.UUIDField(null=True, blank=True)
    session_id = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        abstract = True


class Hold(Attributed):
    """Tokens reserved for one call, with a lease; committed before anything is sent to a provider."""

    id = uuid_key()
    company = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds", db_index=False)
    state = DomainField("tokens_hold_state", choices=HoldState, db_default=HoldState.OPEN, default=HoldState.OPEN)
    key = models.CharField(max_length=255, null=True, blank=True, help_text="The caller's idempotency key.")
    needed_tokens = TokenCountField(help_text="Upper bound of the charge, before clamping.")
    held_tokens = TokenCountField(help_text="On budgets; on allocations too, but for a company's own key.")
    key_owner = DomainField(
        "tokens_key_owner", choices=KeyOwner, db_default=KeyOwner.PLATFORM, default=KeyOwner.PLATFORM
    )
    charged_tokens = models.BigIntegerField(null=True, blank=True)
    company_day = models.DateField(help_text="Date of the hold in the company's zone; its charge belongs to it.")
    placed_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    lease_expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("company", "id"), name="tokens_hold_of_company"),)
        indexes = (
            models.Index(fields=("lease_expires_at",), condition=Q(state="open"), name="tokens_hold_open_lease"),
            models.Index(fields=("company",), condition=Q(state="open"), name="tokens_hold_open_of_company"),
        )

    def __str__(self) -> str:
        return f"{self.held_tokens} tokens {self.state} for {self.operation}"


class HoldPart(models.Model):
    """The share of a hold that lies on one allocation."""

    pk = models.CompositePrimaryKey("hold_id", "allocation_id")
    company = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="parts", db_constraint=False, db_index=False)
    allocation = models.ForeignKey(Allocation, on_delete=models.PROTECT, related_name="parts", db_constraint=False)
    tokens = TokenAmountField()

    class Meta:
        db_table = "tokens_hold_part"

    def __str__(self) -> str:
        return f"{self.tokens} of hold {self.hold_id}"


class AttemptState(models.TextChoices):
    """What is known of a request to a provider."""

    OPEN = "open", "Under way"
    SUCCEEDED = "succeeded", "Succeeded"
    NOT_SENT = "not_sent", "Never reached the provider"
    REFUSED = "refused", "Refused by the provider"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class Attempt(models.Model):
    """One request sent to a provider under a hold; the row is committed before the request is made."""

    pk = models.CompositePrimaryKey("hold_id", "number")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    number = AttemptNumberField()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    state = DomainField(
        "tokens_attempt_state", choices=AttemptState, db_default=AttemptState.OPEN, default=AttemptState.OPEN
    )
    error_code = models.CharField(max_length=64, blank=True, db_default="", default="")
    estimated_cost_usd = money(help_text="What the platform may owe if the outcome stays unknown.")
    estimated_price_kind = DomainField(
        "tokens_price_kind",
        choices=PriceKind,
        db_default=PriceKind.LISTED,
        default=PriceKind.LISTED,
        help_text="Where that estimate is from.",
    )
    started_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    usage_log_id = models.UUIDField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=("started_at",), condition=Q(state="open"), name="tokens_attempt_open"),)

    def __str__(self) -> str:
        return f"attempt {self.number} of hold {self.hold_id}: {self.state}"


class IdempotencyKey(models.Model):
    """What a caller's key stands for: it outlives the stored answer, so that a repeat is never charged."""

    pk = models.CompositePrimaryKey("company_id", "scope", "key")
    company = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    scope = models.CharField(max_length=16, help_text="What was written under the key: call, grant, refund …")
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    result_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "tokens_idempotency_key"

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


class Answer(models.Model):
    """The answer of a settled call, kept for repeats of its key until its retention is over."""

    hold = models.OneToOneField(Hold, primary_key=True, on_delete=models.PROTECT, related_name="answer")
    content = models.JSONField()
    stored_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    erase_after = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"answer of hold {self.hold_id}"
