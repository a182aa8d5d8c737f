"""What turns usage into charged tokens: weights of models, and rates of operations that no provider counts."""

from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from billing.in_force import InForce, read_in_force
from billing.models import OperationRate, WeightVersion
from billing.prices import ANY_MODEL, CACHE_SECONDS
from billing.remembering import Remembered


def find_weight(provider: str, model: str, at: datetime | None = None) -> WeightVersion | None:
    """Find the weight of a model in force at a moment (now, if not given): its own, else the provider's for any model.

    None: a provider token charges one token. A weight entered elsewhere is seen after ``CACHE_SECONDS``.
    """
    return _weights.get(provider).find(model, ANY_MODEL, at=at)


def find_operation_rate(operation: str, at: datetime | None = None) -> OperationRate | None:
    """Find the rate of an operation in force at a moment (now, if not given); seen after ``CACHE_SECONDS``, too."""
    return _rates.get("").find(operation, at=at)


def charge_at_rate(rate: OperationRate | None, media_seconds: Decimal | None) -> int:
    """Return the charged tokens of a request whose provider counted none, rounded up; 0 without a rate."""
    if rate is None:
        return 0
    tokens = (rate.tokens_per_request or Decimal(0)) + (rate.tokens_per_second or Decimal(0)) * (media_seconds or 0)
    return int(tokens.to_integral_value(rounding=ROUND_CEILING))


def fallback_cost(rate: OperationRate | None, media_seconds: Decimal | None) -> Decimal | None:
    """Return what a request is taken to cost in US dollars where its price is not known.

    None: the operation has no fallback, or has one by the minute and nobody knows how many they were.
    """
    if rate is None or (rate.fallback_usd_per_minute is not None and media_seconds is None):
        return None
    per_request, per_minute = rate.fallback_usd_per_request, rate.fallback_usd_per_minute
    if per_request is None and per_minute is None:
        return None
    return (per_request or Decimal(0)) + (per_minute or Decimal(0)) * (media_seconds or 0) / 60


async def warm_rates(provider: str) -> None:
    """See to it that weights and rates are found without a query just after this: for callers on an event loop."""
    await _weights.warm(provider)
    await _rates.warm("")


def forget_rates() -> None:
    """Drop what this process remembers, so that weights and rates just written are seen at once."""
    _weights.forget()
    _rates.forget()


def _read_weights(provider: str) -> InForce[WeightVersion]:
    return read_in_force(WeightVersion.objects.filter(provider=provider), lambda version: version.model)


def _read_rates(_every: str) -> InForce[OperationRate]:
    return read_in_force(OperationRate.objects.all(), lambda rate: rate.operation)


_weights = Remembered(_read_weights, seconds=CACHE_SECONDS)
_rates = Remembered(_read_rates, seconds=CACHE_SECONDS)
