"""What turns usage into charged tokens, and what a call is taken to cost where no price is known."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from billing.models.dated import Dated, dated_constraints, not_negative
from tokens.models.fields import money, uuid_key

RATE_AMOUNTS = ("tokens_per_second", "tokens_per_request", "fallback_usd_per_request", "fallback_usd_per_minute")


class WeightVersion(Dated):
    """How many tokens one provider token of a model charges, from a date on. Without a weight it is one for one."""

    id = uuid_key()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    weight = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        db_table = "billing_weight_version"
        constraints = (
            *dated_constraints("provider", "model", table="billing_weight_version"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="billing_weight_version_positive"),
        )

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}: {self.weight.normalize():f}"


class OperationRate(Dated):
    """What an operation charges where the provider counts no tokens, and costs where its price is not known.

    Tokens are charged per second of audio or video and per request; the fallback is in US dollars, likewise. Usage
    logs name the version that charged them as that of their weight.
    """

    id = uuid_key()
    operation = models.CharField(max_length=32)
    tokens_per_second = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    tokens_per_request = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    fallback_usd_per_request = money()
    fallback_usd_per_minute = money()

    class Meta:
        db_table = "billing_operation_rate"
        constraints = (
            *dated_constraints("operation", table="billing_operation_rate"),
            not_negative("tokens_per_second", "tokens_per_request", table="billing_operation_rate_tokens"),
            # A fallback of zero would be the silent zero that it is there to prevent.
            models.CheckConstraint(
                condition=Q(fallback_usd_per_request__gt=0, fallback_usd_per_minute__gt=0),
                name="billing_operation_rate_fallback_positive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.operation} from {self.effective_from:%Y-%m-%d}"

    @property
    def charges_tokens(self) -> bool:
        """Whether answers are charged whose provider counted no token."""
        return self.tokens_per_second is not None or self.tokens_per_request is not None

    @property
    def has_fallback(self) -> bool:
        """Whether calls of the operation have a cost although their model has no price."""
        return self.fallback_usd_per_request is not None or self.fallback_usd_per_minute is not None


class RefusedModel(models.Model):
    """A model that calls were refused for, because its price is not known: for staff to price it, or to leave it."""

    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    operation = models.CharField(max_length=32)
    first_refused_at = models.DateTimeField(db_default=Now())
    last_refused_at = models.DateTimeField(db_default=Now())
    refusals = models.PositiveBigIntegerField(db_default=1, help_text="At least: the last minute's may be missing.")

    class Meta:
        db_table = "billing_refused_model"
        constraints = (
            models.UniqueConstraint(fields=("provider", "model", "operation"), name="billing_refused_model_once"),
        )

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} for {self.operation}"
