"""The usage log: one row per provider call, append-only, partitioned by month."""

from django.db import models

from tenants.models import Company
from tokens.models.fields import ClockTimestamp, CurrentTransaction, DomainField, TransactionIdField, money, uuid_key
from tokens.models.hold import Attributed, KeyOwner, PriceKind


class UsageKind(models.TextChoices):
    """Whether a row is a call or corrects one with signed quantities."""

    CALL = "call", "Call"
    REFUND = "refund", "Refund"
    RERATING = "rerating", "Re-rating"
    RECONCILIATION = "reconciliation", "Reconciliation"


class UsageStatus(models.TextChoices):
    """How the provider call ended."""

    SUCCEEDED = "succeeded", "Succeeded"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class UsageSource(models.TextChoices):
    """Who counted the tokens."""

    PROVIDER = "provider", "Provider"
    COUNTED = "counted", "Counted by Winnow"
    ESTIMATED = "estimated", "Estimated"
    NONE = "none", "No usage"


class UsageLog(Attributed):
    """One provider call, or the correction of one. Complete from the first migration: it cannot be filled in later.

    ``charged_tokens`` = provider tokens × weight; of them ``debt_tokens`` found no balance and
    ``absorbed_tokens`` were borne by the platform; the rest are ledger entries (law 4).
    """

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    hold_id = models.UUIDField(null=True, blank=True)
    attempt_number = models.SmallIntegerField(null=True, blank=True)
    kind = DomainField("tokens_usage_kind", choices=UsageKind)
    corrects_id = models.UUIDField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    response_model = models.CharField(max_length=128, blank=True)
    service_tier = models.CharField(max_length=32, blank=True)
    provider_request_id = models.CharField(max_length=128, blank=True)
    key_owner = DomainField("tokens_key_owner", choices=KeyOwner, default=KeyOwner.PLATFORM)
    streamed = models.BooleanField()
    prompt_version = models.CharField(max_length=64, blank=True)

    status = DomainField("tokens_usage_status", choices=UsageStatus)
    error_code = models.CharField(max_length=64, blank=True)
    finish_reason = models.CharField(max_length=32, blank=True)
    usage_source = DomainField("tokens_usage_source", choices=UsageSource)
    started_at = models.DateTimeField()
    duration_ms = models.IntegerField(null=True, blank=True)

    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    input_uncached_tokens = models.BigIntegerField()
    cache_read_tokens = models.BigIntegerField()
    cache_write_short_tokens = models.BigIntegerField()
    cache_write_long_tokens = models.BigIntegerField()
    input_audio_tokens = models.BigIntegerField()
    input_image_tokens = models.BigIntegerField()
    output_reasoning_tokens = models.BigIntegerField()
    output_audio_tokens = models.BigIntegerField()
    output_image_tokens = models.BigIntegerField()
    tool_requests = models.IntegerField()

    weight = models.DecimalField(max_digits=12, decimal_places=6)
    weight_version_id = models.UUIDField(null=True, blank=True)
    charged_tokens = models.BigIntegerField()
    own_key_tokens = models.BigIntegerField(
        default=0, help_text="On a company's own key: counted in budgets, charged to nobody."
    )
    debt_tokens = models.BigIntegerField()
    absorbed_tokens = models.BigIntegerField()

    price_version_id = models.UUIDField(null=True, blank=True)
    price_kind = DomainField("tokens_price_kind", choices=PriceKind)
    provider_cost_usd = money()
    margin_percent = models.DecimalField(max_digits=7, decimal_places=3, null=True, blank=True)
    sale_value_usd = money()

    file_bytes = models.BigIntegerField(null=True, blank=True)
    item_count = models.IntegerField(null=True, blank=True)
    media_seconds = models.DecimalField(max_digits=12, decimal_places=3, null=True, blank=True)
    succeeded = models.BooleanField(null=True, blank=True)

    actor_id = models.BigIntegerField(null=True, blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    company_day = models.DateField()
    recorded_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    xact_id = TransactionIdField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        db_table = "tokens_usage_log"
        managed = False  # partitioned: made by SQL in the first migration

    def __str__(self) -> str:
        return f"{self.operation} on {self.model}: {self.charged_tokens} tokens"

    @property
    def total_tokens(self) -> int:
        """Provider tokens: input, cached included, and output, reasoning included."""
        return self.input_tokens + self.output_tokens
