"""Subscriptions and prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import factory
from django.utils import timezone

from billing.models import OperationRate, Plan, PriceVersion, Subscription, WeightVersion
from tests.tenants.factories import CompanyFactory


class SubscriptionFactory(factory.django.DjangoModelFactory[Subscription]):
    """A current subscription to Starter with ten days behind it and twenty to go."""

    class Meta:
        model = Subscription

    company = factory.SubFactory(CompanyFactory)
    plan = factory.LazyFunction(lambda: Plan.objects.get(code="starter"))
    period_starts_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))
    period_ends_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=20))


class PriceVersionFactory(factory.django.DjangoModelFactory[PriceVersion]):
    """A listed price of 2 dollars in and 10 out, from the beginning of 2026 on."""

    class Meta:
        model = PriceVersion

    provider = "openai"
    model = "gpt-test"
    effective_from = datetime(2026, 1, 1, tzinfo=UTC)
    input_usd_per_million = Decimal(2)
    output_usd_per_million = Decimal(10)
    kind = "listed"
    source = "test"


class WeightVersionFactory(factory.django.DjangoModelFactory[WeightVersion]):
    """Two charged tokens for one, from the beginning of 2026 on."""

    class Meta:
        model = WeightVersion

    provider = "openai"
    model = "gpt-test"
    effective_from = datetime(2026, 1, 1, tzinfo=UTC)
    weight = Decimal(2)


class OperationRateFactory(factory.django.DjangoModelFactory[OperationRate]):
    """An operation without any rate of its own, from the beginning of 2026 on."""

    class Meta:
        model = OperationRate

    operation = "dictation"
    effective_from = datetime(2026, 1, 1, tzinfo=UTC)
