"""What an attempt cost: from a provider's usage to the columns of a usage log."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.types import Usage
from ai_gateway.routing import Route
from billing.prices import find_price, price_usage
from tokens.services.holds import AttemptUsage

PriceKind = Literal["listed", "override", "free", "unpriced"]


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """What was worked on, for bills by the piece (requirement D4)."""

    file_bytes: int | None = None
    item_count: int | None = None
    media_seconds: Decimal | None = None


@dataclass(frozen=True)
class Tariff:
    """How one call is charged and priced: fixed when it starts, so that all its attempts agree.

    ``weight`` turns provider tokens into charged tokens. ``price`` None: the model is not priced, and every cost
    computed here is None, never zero.
    """

    price: Any
    margin_percent: Decimal
    weight: Decimal = Decimal(1)

    @property
    def price_kind(self) -> PriceKind:
        """Where the price comes from."""
        return "unpriced" if self.price is None else self.price.kind

    @property
    def price_version_id(self) -> UUID | None:
        """The price version that usage logs keep."""
        return None if self.price is None else self.price.pk

    def charge(self, provider_tokens: int) -> int:
        """Return the charged tokens of so many provider tokens, rounded up."""
        return int((provider_tokens * self.weight).to_integral_value(rounding=ROUND_CEILING))

    def affordable(self, charged_tokens: int) -> int:
        """Return how many provider tokens a charge of ``charged_tokens`` covers, rounded down."""
        return int(charged_tokens / self.weight)

    def cost(self, usage: Usage) -> Decimal | None:
        """Return the provider's cost in US dollars, unrounded."""
        return None if self.price is None else price_usage(self.price, usage)


def find_tariff(route: Route, *, margin_percent: Decimal) -> Tariff:
    """Return how calls on ``route`` are charged and priced at this moment."""
    return Tariff(find_price(route.provider, route.model), margin_percent)


class Answered(Protocol):
    """What a usage log keeps of a provider's answer."""

    @property
    def usage(self) -> Usage: ...
    @property
    def model(self) -> str: ...
    @property
    def service_tier(self) -> str: ...
    @property
    def provider_request_id(self) -> str: ...
    @property
    def finish_reason(self) -> str: ...
    @property
    def duration_ms(self) -> int: ...


def answered(
    number: int, answer: Answered, tariff: Tariff, *, prompt_version: str, quantities: Quantities, streamed: bool
) -> AttemptUsage:
    """Account for an attempt that brought an answer."""
    return AttemptUsage(
        attempt_number=number,
        status="succeeded",
        response_model=answer.model,
        service_tier=answer.service_tier,
        provider_request_id=answer.provider_request_id,
        finish_reason=answer.finish_reason,
        duration_ms=answer.duration_ms,
        prompt_version=prompt_version,
        streamed=streamed,
        succeeded=True,
        file_bytes=quantities.file_bytes,
        item_count=quantities.item_count,
        media_seconds=quantities.media_seconds,
        **_used(answer.usage, tariff),
    )


def failed(
    number: int, error: ProviderError, tariff: Tariff, *, estimated_cost_usd: Decimal | None, streamed: bool
) -> AttemptUsage:
    """Account for an attempt that reached its provider and brought no answer.

    Usage that came with the failure is charged: the provider counted it. Without usage the company pays nothing; if
    the provider may have worked all the same, the platform's cost is the estimate and the row says ``unknown``.
    """
    facts: dict[str, Any] = {
        "attempt_number": number,
        "error_code": error.code,
        "provider_request_id": error.provider_request_id,
        "streamed": streamed,
        "succeeded": False,
    }
    if error.usage is not None:
        return AttemptUsage(status="failed", **facts, **_used(error.usage, tariff))
    maybe_worked = error.delivery == "unknown"
    return AttemptUsage(
        status="unknown" if maybe_worked else "refused",
        usage_source="none",
        **facts,
        **_priced(tariff, estimated_cost_usd if maybe_worked else tariff.cost(Usage())),
    )


def abandoned(number: int, tariff: Tariff, *, estimated_cost_usd: Decimal | None) -> AttemptUsage:
    """Account for an attempt that this process was stopped in: nobody can know what the provider counted."""
    return AttemptUsage(
        attempt_number=number,
        status="unknown",
        usage_source="none",
        error_code="interrupted",
        succeeded=False,
        **_priced(tariff, estimated_cost_usd),
    )


def _used(usage: Usage, tariff: Tariff) -> dict[str, Any]:
    return {
        "usage_source": usage.source,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_uncached_tokens": usage.input_uncached,
        "cache_read_tokens": usage.cache_read,
        "cache_write_short_tokens": usage.cache_write_short,
        "cache_write_long_tokens": usage.cache_write_long,
        "input_audio_tokens": usage.input_audio,
        "input_image_tokens": usage.input_image,
        "output_reasoning_tokens": usage.output_reasoning,
        "output_audio_tokens": usage.output_audio,
        "output_image_tokens": usage.output_image,
        "tool_requests": usage.tool_requests,
        "charged_tokens": tariff.charge(usage.provider_tokens),
        "weight": tariff.weight,
        **_priced(tariff, tariff.cost(usage)),
    }


def _priced(tariff: Tariff, cost_usd: Decimal | None) -> dict[str, Any]:
    """Return the columns of money: the company's price is the provider's cost and the margin on it.

    A model may be priced and one of the classes used not: then the whole cost is unknown, and the row says so.
    """
    return {
        "price_kind": "unpriced" if cost_usd is None else tariff.price_kind,
        "price_version_id": tariff.price_version_id,
        "provider_cost_usd": cost_usd,
        "margin_percent": tariff.margin_percent,
        "sale_value_usd": None if cost_usd is None else cost_usd * (1 + tariff.margin_percent / 100),
    }
