"""On what terms a company uses Winnow: plans, subscriptions and the price book."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from tenants.models import Company
from tokens.models.fields import money, uuid_key


class Plan(models.Model):
    """What a subscription grants each period, and for how much."""

    code = models.SlugField(primary_key=True, max_length=32)
    name = models.CharField(max_length=64)
    tokens_per_period = models.BigIntegerField()
    price_usd = models.DecimalField(max_digits=12, decimal_places=2)
    max_rollover_tokens = models.BigIntegerField(default=0)
    margin_percent = models.DecimalField(max_digits=7, decimal_places=3, default=25)
    position = models.SmallIntegerField(default=0)
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ("position",)
        constraints = (
            models.CheckConstraint(
                condition=Q(tokens_per_period__gte=0, price_usd__gte=0, max_rollover_tokens__gte=0),
                name="billing_plan_not_negative",
            ),
        )

    def __str__(self) -> str:
        return self.name


class SubscriptionStatus(models.TextChoices):
    """Whether a subscription admits AI calls while its period lasts."""

    ACTIVE = "active", "Active"
    DEACTIVATED = "deactivated", "Deactivated"


class Subscription(models.Model):
    """A company's plan, its period, and the margin that its usage is sold at."""

    id = uuid_key()
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    status = models.CharField(max_length=16, choices=SubscriptionStatus, default=SubscriptionStatus.ACTIVE)
    is_current = models.BooleanField(default=True)
    period_starts_at = models.DateTimeField()
    period_ends_at = models.DateTimeField()
    margin_percent = models.DecimalField(
        max_digits=7, decimal_places=3, null=True, blank=True, help_text="Empty: the plan's."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("company",), condition=Q(is_current=True), name="billing_subscription_one_current"
            ),
            models.CheckConstraint(
                condition=Q(period_ends_at__gt=F("period_starts_at")),
                name="billing_subscription_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(status__in=SubscriptionStatus.values), name="billing_subscription_known_status"
            ),
        )

    def __str__(self) -> str:
        return f"{self.company}: {self.plan}"


class PriceVersion(models.Model):
    """Price of one model from a date on, in US dollars per million tokens of each class.

    A class without a price of its own costs what its parent class costs: cached input what input costs, audio
    likewise, reasoning what output costs.
    """

    id = uuid_key()
    provider = models.CharField(max_length=32)
    model = models.CharField(max_length=128)
    effective_from = models.DateTimeField()
    input_usd_per_million = money()
    cache_read_usd_per_million = money()
    cache_write_short_usd_per_million = money()
    cache_write_long_usd_per_million = money()
    input_audio_usd_per_million = money()
    output_usd_per_million = money()
    output_audio_usd_per_million = money()
    kind = models.CharField(max_length=16)
    source = models.CharField(max_length=64, help_text="Package and version, or who overrode it.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "billing_price_version"
        constraints = (
            models.UniqueConstraint(
                fields=("provider", "model", "effective_from"), name="billing_price_version_one_per_moment"
            ),
            models.CheckConstraint(
                condition=Q(input_usd_per_million__gte=0, output_usd_per_million__gte=0),
                name="billing_price_version_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("listed", "override", "free")), name="billing_price_version_known_kind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} from {self.effective_from:%Y-%m-%d}"
