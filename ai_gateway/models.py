"""What staff decide about models."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.db import models
from django.db.models import Q

from tenants.models import Company, User
from tokens.models.fields import ClockTimestamp, uuid_key
from tokens.models.hold import KeyOwner


class ModelRoute(models.Model):
    """The models that do an operation, for one company, or (without one) for all that have no route of their own."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    operation = models.CharField(max_length=32)
    chain = models.CharField(
        max_length=1000,
        help_text="provider/model; after a comma the model to ask when that one is of no use, and so on.",
    )
    updated_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "ai_gateway_model_route"
        ordering = ("operation", "company__name")
        constraints = (
            models.UniqueConstraint(
                fields=("company", "operation"),
                nulls_distinct=False,
                name="ai_gateway_model_route_one_per_operation",
            ),
            models.CheckConstraint(condition=~Q(chain=""), name="ai_gateway_model_route_names_a_model"),
        )

    def __str__(self) -> str:
        return f"{self.operation}: {self.chain}"


MAX_INPUT_FACTOR = Decimal(4)  # beyond that something else is wrong


class ModelCalibration(models.Model):
    """How well holds fitted a model's calls since its bound was last raised, and by how much bounds are raised.

    Ratios are of charged tokens to those that were wanted for the hold. ``input_factor`` only ever grows; staff who
    mended an estimate delete the row.
    """

    id = uuid_key()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    calls = models.PositiveIntegerField(default=0)
    ratio_p50 = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    ratio_p99 = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    ratio_max = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    above_hold = models.PositiveIntegerField(default=0, help_text="Calls that used more than their hold.")
    input_factor = models.DecimalField(max_digits=6, decimal_places=3, default=Decimal(1))
    raised_at = models.DateTimeField(null=True)
    measured_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "ai_gateway_model_calibration"
        ordering = ("provider", "model")
        constraints = (
            models.UniqueConstraint(fields=("provider", "model"), name="ai_gateway_model_calibration_one_per_model"),
            models.CheckConstraint(
                condition=Q(input_factor__gte=1, input_factor__lte=MAX_INPUT_FACTOR),
                name="ai_gateway_model_calibration_raises_only",
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}: {self.input_factor}"

    def note(self, measured: Mapping[str, Any], needed_factor: Decimal) -> bool:
        """Keep what was measured, and raise the factor where calls needed that; returns whether it was raised."""
        step = Decimal("0.001")
        wanted = (self.input_factor * needed_factor).quantize(step, rounding=ROUND_CEILING)
        wanted = min(wanted, MAX_INPUT_FACTOR)
        changes: dict[str, Any] = {**measured, "measured_at": ClockTimestamp()}
        if is_raised := wanted > self.input_factor:
            changes |= {"input_factor": wanted, "raised_at": ClockTimestamp()}
        ModelCalibration.objects.filter(pk=self.pk).update(**changes)
        return is_raised


class ProviderKey(models.Model):
    """A company's own key at a provider, encrypted. Removed, the row stays and the key is erased."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=32)
    ciphertext = models.BinaryField()
    encryption_key_id = models.CharField(max_length=16, help_text="Which of PROVIDER_KEYS_SECRETS encrypted it.")
    last_four = models.CharField(max_length=4)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "ai_gateway_provider_key"
        constraints = (
            models.UniqueConstraint(
                fields=("company", "provider"),
                condition=Q(revoked_at__isnull=True),
                name="ai_gateway_provider_key_one_in_use",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True) & ~Q(ciphertext=b"")
                | Q(revoked_at__isnull=False, revoked_by__isnull=False, ciphertext=b""),
                name="ai_gateway_provider_key_erased_when_removed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider} of company {self.company_id}: …{self.last_four}"


class RealtimeKeyOwner(models.Model):
    """Whose key a realtime session at a provider is on, as its first event found it."""

    pk = models.CompositePrimaryKey("company_id", "provider", "session_id")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", db_index=False)
    provider = models.CharField(max_length=32)
    session_id = models.CharField(max_length=64, help_text="The provider's.")
    key_owner = models.CharField(max_length=8, choices=KeyOwner)
    decided_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        db_table = "ai_gateway_realtime_key_owner"
        constraints = (
            models.CheckConstraint(
                condition=Q(key_owner__in=KeyOwner.values), name="ai_gateway_realtime_key_owner_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.session_id}: {self.key_owner}"
