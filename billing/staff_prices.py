"""The price book as the platform staff see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db import connection

from billing.models import OperationRate, PriceVersion, RefusedModel, WeightVersion
from billing.models.dated import Dated
from billing.prices import find_price, forget_prices
from billing.selectors import get_database_time

D = TypeVar("D", bound=Dated)


@dataclass(frozen=True)
class PricedModel:
    """A model with the price and the weight in force; ``upcoming`` says how many prices are still to come."""

    provider: str
    model: str
    price: PriceVersion | None
    weight: WeightVersion | None
    upcoming: int


@dataclass(frozen=True)
class UnpricedModel:
    """A model that somebody wants, or used, and whose price is not known."""

    provider: str
    model: str
    reason: str


def list_priced_models() -> list[PricedModel]:
    """List models of the price book by provider and name."""
    now = get_database_time()
    prices = PriceVersion.objects.filter(withdrawn_at=None).order_by("-effective_from").prefetch_related("rates")
    weights = WeightVersion.objects.filter(withdrawn_at=None).order_by("-effective_from")
    by_model: dict[tuple[str, str], tuple[list[PriceVersion], list[WeightVersion]]] = {}
    for price in prices:
        by_model.setdefault((price.provider, price.model), ([], []))[0].append(price)
    for weight in weights:
        by_model.setdefault((weight.provider, weight.model), ([], []))[1].append(weight)
    return [
        PricedModel(*key, _in_force(own, now), _in_force(own_weights, now), sum(p.effective_from > now for p in own))
        for key, (own, own_weights) in sorted(by_model.items())
    ]


def list_unpriced_models() -> list[UnpricedModel]:
    """List models without a price: configured ones, ones that calls were refused for, ones used all the same."""
    forget_prices()
    reasons: dict[tuple[str, str], list[str]] = {}
    for operation, name in settings.AI_MODELS.items():
        provider, _, model = name.partition("/")
        reasons.setdefault((provider, model), []).append(f"configured for {operation}")
    for refused in RefusedModel.objects.order_by("-last_refused_at")[:200]:
        reasons.setdefault((refused.provider, refused.model), []).append(f"refused for {refused.operation}")
    for provider, model, calls in _list_used_unpriced():
        reasons.setdefault((provider, model), []).append(f"{calls:,} calls without a known cost in 30 days")
    return [
        UnpricedModel(provider, model, ", ".join(own))
        for (provider, model), own in sorted(reasons.items())
        if find_price(provider, model) is None
    ]


def list_history(provider: str, model: str) -> tuple[Sequence[PriceVersion], Sequence[WeightVersion]]:
    """List all prices and weights that a model had and will have, withdrawn ones included, newest first."""
    prices = PriceVersion.objects.filter(provider=provider, model=model).prefetch_related("rates")
    weights = WeightVersion.objects.filter(provider=provider, model=model)
    return list(prices.order_by("-effective_from", "-id")), list(weights.order_by("-effective_from", "-id"))


def list_operation_rates() -> list[OperationRate]:
    """List the rates of operations in force, by operation."""
    rates = OperationRate.objects.filter(withdrawn_at=None, effective_from__lte=get_database_time())
    return list(rates.order_by("operation", "-effective_from").distinct("operation"))


def _in_force(versions: Sequence[D], now: datetime) -> D | None:
    return next((version for version in versions if version.effective_from <= now), None)


_USED_UNPRICED = """
    SELECT provider, model, count(*) FROM tokens_usage_log
    WHERE kind = 'call' AND price_kind IN ('unpriced', 'fallback')
      AND id >= tokens_uuid_floor(clock_timestamp() - interval '30 days')
    GROUP BY provider, model
"""


def _list_used_unpriced() -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_USED_UNPRICED)
        return list(cursor.fetchall())
