"""The price book as the platform staff see it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.db import connection
from django.utils.formats import date_format

from billing.models import OperationRate, PriceVersion, RefusedModel, WeightVersion
from billing.models.dated import Dated
from billing.prices import find_price, forget_prices
from billing.selectors import get_database_time
from tokens.operations import OPERATION_LABELS, label_operation, place_of_operation

D = TypeVar("D", bound=Dated)

WANTED_DAYS = 7
_USED_DAYS = 30
_MODEL_LENGTH = 128  # of the column
_NEVER_REFUSED: tuple[int, datetime | None] = (0, None)


@dataclass(frozen=True)
class PricedModel:
    """A model with the price and the weight in force; ``upcoming`` says how many prices are still to come."""

    provider: str
    model: str
    price: PriceVersion | None
    weight: WeightVersion | None
    upcoming: int


@dataclass(frozen=True)
class WantedModel:
    """A model without a price that calls ask for: refused so often since then at least, and made so often of late."""

    provider: str
    model: str
    refused: int
    refused_since: datetime | None
    made: int

    @property
    def title(self) -> str:
        """Say what is the matter."""
        return f"{self.provider}/{self.model} is asked for and has no price"

    @property
    def demand(self) -> str:
        """Tell in words what happened to its calls."""
        told = []
        if self.refused_since is not None:
            since = date_format(self.refused_since, "j N Y")
            told.append(f"Calls refused since {since}: at least {self.refused:,}.")
        if self.made:
            told.append(f"Calls made in {WANTED_DAYS} days without a known cost: {self.made:,}.")
        return " ".join(told)


@dataclass(frozen=True)
class UnpricedModel:
    """A model that somebody wants, or used, and whose price is not known."""

    provider: str
    model: str
    reason: str


@dataclass(frozen=True)
class RatedOperation:
    """An operation with the rate in force; ``upcoming`` says how many are still to come."""

    operation: str
    label: str
    rate: OperationRate | None
    upcoming: int


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
    for operation, name in _list_configured():
        provider, _, model = name.partition("/")
        reasons.setdefault((provider, model), []).append(f"configured for “{label_operation(operation)}”")
    for refused in RefusedModel.objects.order_by("-last_refused_at")[:200]:
        reasons.setdefault((refused.provider, refused.model), []).append(
            f"refused for “{label_operation(refused.operation)}”"
        )
    for provider, model, calls in _list_used_unpriced(_USED_DAYS):
        reasons.setdefault((provider, model), []).append(
            f"{calls:,} call{'' if calls == 1 else 's'} without a known cost in {_USED_DAYS} days"
        )
    return [
        UnpricedModel(provider, model, ", ".join(own))
        for (provider, model), own in sorted(reasons.items())
        if find_price(provider, model) is None
    ]


def list_wanted_models() -> list[WantedModel]:
    """List models without a price that calls asked for in ``WANTED_DAYS``, the most wanted first. Two queries.

    With one more for each provider whose prices this process does not remember.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WANTED, {"days": WANTED_DAYS})
        refused = {(provider, model): (calls, since) for provider, model, calls, since in cursor.fetchall()}
    made = {(provider, model): calls for provider, model, calls in _list_used_unpriced(WANTED_DAYS)}
    wanted = []
    for provider, model in sorted({*refused, *made}):
        if find_price(provider, model) is None:
            refusals, since = refused.get((provider, model), _NEVER_REFUSED)
            wanted.append(WantedModel(provider, model, refusals, since, made.get((provider, model), 0)))
    return sorted(wanted, key=lambda model: -(model.refused + model.made))


def list_history(provider: str, model: str) -> tuple[Sequence[PriceVersion], Sequence[WeightVersion]]:
    """List all prices and weights that a model had and will have, withdrawn ones included, newest first."""
    prices = PriceVersion.objects.filter(provider=provider, model=model).prefetch_related("rates")
    weights = WeightVersion.objects.filter(provider=provider, model=model)
    return list(prices.order_by("-effective_from", "-id")), list(weights.order_by("-effective_from", "-id"))


def list_operation_rates() -> list[RatedOperation]:
    """List every known operation with its rate in force, in the order of hiring."""
    now = get_database_time()
    by_operation: dict[str, list[OperationRate]] = {operation: [] for operation in OPERATION_LABELS}
    for rate in OperationRate.objects.filter(withdrawn_at=None).order_by("-effective_from"):
        by_operation.setdefault(rate.operation, []).append(rate)
    return [
        RatedOperation(
            operation,
            label_operation(operation),
            _in_force(by_operation[operation], now),
            sum(rate.effective_from > now for rate in by_operation[operation]),
        )
        for operation in sorted(by_operation, key=place_of_operation)
    ]


def list_rate_history(operation: str) -> list[OperationRate]:
    """List all rates that an operation had and will have, withdrawn ones included, newest first."""
    return list(OperationRate.objects.filter(operation=operation).order_by("-effective_from", "-id"))


def is_known_model(provider: str, model: str) -> bool:
    """Tell whether a model can be priced: it is one of a provider that there is, or was there before."""
    fits = len(model) <= _MODEL_LENGTH and model.isprintable() and provider.isprintable()
    return fits and (
        provider in settings.AI_PROVIDERS or PriceVersion.objects.filter(provider=provider, model=model).exists()
    )


def is_known_operation(operation: str) -> bool:
    """Tell whether an operation has a name or a rate."""
    return operation in OPERATION_LABELS or (
        operation.isprintable() and OperationRate.objects.filter(operation=operation).exists()
    )


def _in_force(versions: Sequence[D], now: datetime) -> D | None:
    return next((version for version in versions if version.effective_from <= now), None)


def _list_configured() -> Iterator[tuple[str, str]]:
    """Yield operations of the settings with each model of their chains."""
    for operation, chain in settings.AI_MODELS.items():
        for name in chain.split(","):
            yield operation, name.strip()


_USED_UNPRICED = """
    SELECT provider, model, count(*) FROM tokens_usage_log
    WHERE kind = 'call' AND price_kind IN ('unpriced', 'fallback')
      AND id >= tokens_uuid_floor(clock_timestamp() - make_interval(days => %(days)s))
    GROUP BY provider, model
"""
_WANTED = """
    SELECT provider, model, sum(refusals)::bigint, min(first_refused_at) FROM billing_refused_model
    WHERE last_refused_at >= clock_timestamp() - make_interval(days => %(days)s)
    GROUP BY provider, model
"""


def _list_used_unpriced(days: int) -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_USED_UNPRICED, {"days": days})
        return list(cursor.fetchall())
