"""What a call costs the platform, where its price is known and where it is not."""

from decimal import Decimal
from typing import Literal, NamedTuple, cast

from billing.models import OperationRate, PriceVersion
from billing.prices import UsageClasses, price_usage
from billing.rates import fallback_cost

PriceKind = Literal["listed", "override", "free", "fallback", "unpriced"]


class Cost(NamedTuple):
    """US dollars, unrounded, and where they are from. Not known: None."""

    usd: Decimal | None
    kind: PriceKind


UNPRICED = Cost(None, "unpriced")


def cost_of(
    usage: UsageClasses,
    price: PriceVersion | None,
    rate: OperationRate | None,
    *,
    service_tier: str = "",
    media_seconds: Decimal | None = None,
) -> Cost:
    """Return what an answer cost by its price, else by its operation's fallback; never zero for want of knowledge.

    ``service_tier`` is the one that the provider says it billed.
    """
    if price is not None:
        usd = price_usage(price, usage, service_tier=service_tier, media_seconds=media_seconds)
        if usd is not None:
            return Cost(usd, kind_of(price))
    return fall_back(rate, media_seconds)


def fall_back(rate: OperationRate | None, media_seconds: Decimal | None) -> Cost:
    """Return what a call is taken to cost whose price is not known."""
    usd = fallback_cost(rate, media_seconds)
    return UNPRICED if usd is None else Cost(usd, "fallback")


def kind_of(price: PriceVersion) -> PriceKind:
    """Return where a price is from."""
    return cast(PriceKind, price.kind)
