"""On what terms a company uses Winnow: plans and subscriptions."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from tenants.models import Company
from tokens.models.fields import uuid_key


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
    allows_unpriced_models = models.BooleanField(
        default=False, help_text="Let the company use models whose price is not known. Their cost then shows as such."
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
