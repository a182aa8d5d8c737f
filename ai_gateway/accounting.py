"""What an attempt cost: from a provider's usage to the columns of a usage log."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Protocol
from uuid import UUID

from ai_gateway.errors import AccessRefused
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.types import Usage
from ai_gateway.routing import Route
from billing.access import Terms, admit_model
from billing.costs import UNPRICED, Cost, cost_of, fall_back, kind_of
from billing.models import OperationRate, PriceVersion, WeightVersion
from billing.prices import find_price, price_usage_at_most
from billing.rates import charge_at_rate, find_operation_rate, find_weight
from billing.services.refused_models import note_refused_model
from tokens.services.holds import AttemptUsage


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """What was worked on, for bills by the piece (requirement D4)."""

    file_bytes: int | None = None
    item_count: int | None = None
    media_seconds: Decimal | None = None


NO_QUANTITIES = Quantities()
_ONE = Decimal(1)


@dataclass(frozen=True)
class Tariff:
    """How one call is charged and priced: fixed when it starts, so that all its attempts agree.

    ``weight`` turns provider tokens into charged tokens; None is one for one. ``rate`` is the operation's: it charges
    what no provider counted, and says what a call is taken to cost that ``price`` cannot tell. ``price`` None: the
    model is not priced. Without a fallback the cost is then None, never zero.
    """

    price: PriceVersion | None
    margin_percent: Decimal
    weight_version: WeightVersion | None = None
    rate: OperationRate | None = None

    @property
    def weight(self) -> Decimal:
        """Charged tokens of one provider token."""
        return _ONE if self.weight_version is None else self.weight_version.weight

    @property
    def price_version_id(self) -> UUID | None:
        """The price version that usage logs keep."""
        return None if self.price is None else self.price.pk

    def charge(self, provider_tokens: int) -> int:
        """Return the charged tokens of so many provider tokens, rounded up."""
        if self.weight_version is None:
            return provider_tokens
        return int((provider_tokens * self.weight).to_integral_value(rounding=ROUND_CEILING))

    def charge_uncounted(self, media_seconds: Decimal | None) -> int:
        """Return the charged tokens of an answer whose provider counts no tokens: by the operation's rate."""
        return charge_at_rate(self.rate, media_seconds)

    def affordable(self, charged_tokens: int) -> int:
        """Return how many provider tokens a charge of ``charged_tokens`` covers, rounded down."""
        return charged_tokens if self.weight_version is None else int(charged_tokens / self.weight)

    def cost(self, usage: Usage, *, service_tier: str = "", media_seconds: Decimal | None = None) -> Cost:
        """Return what an answer cost, at the tier that the provider says it billed."""
        return cost_of(usage, self.price, self.rate, service_tier=service_tier, media_seconds=media_seconds)

    def cost_at_most(self, usage: Usage, *, asked_tier: str = "", media_seconds: Decimal | None = None) -> Cost:
        """Return what an answer costs at most, before its tier is known; see ``price_usage_at_most``."""
        if self.price is not None:
            usd = price_usage_at_most(self.price, usage, asked_tier=asked_tier, media_seconds=media_seconds)
            if usd is not None:
                return Cost(usd, kind_of(self.price))
        return fall_back(self.rate, media_seconds)


def find_tariffs(routes: Sequence[Route], *, operation: str, terms: Terms) -> list[tuple[Route, Tariff]]:
    """Return how calls are charged and priced at this moment on each of ``routes`` that the company may use.

    Models without a price are left out unless the operation or the company's terms make up for it; staff are told.
    Asks no database while terms, prices and rates are remembered (``billing``'s ``warm_…``).

    Raises:
        AccessRefused: none of the models may be used.
    """
    found, refusal = [], None
    for route in routes:
        refused = admit_model(terms, route.provider, route.model, operation)
        if refused is None:
            assert terms.margin_percent is not None  # what admits has a plan
            found.append((route, find_tariff(route, operation=operation, margin_percent=terms.margin_percent)))
        else:
            note_refused_model(route.provider, route.model, operation)
            refusal = refused
    if refusal is not None and not found:
        raise AccessRefused(refusal.reason, refusal.message)
    return found


def find_tariff(route: Route, *, operation: str, margin_percent: Decimal) -> Tariff:
    """Return how a call on ``route`` is charged and priced at this moment, admitted or not."""
    return Tariff(
        find_price(route.provider, route.model),
        margin_percent,
        find_weight(route.provider, route.model),
        find_operation_rate(operation),
    )


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
    def duration_ms(self) -> int | None: ...


def answered(
    number: int, answer: Answered, tariff: Tariff, *, prompt_version: str, quantities: Quantities, streamed: bool
) -> AttemptUsage:
    """Account for an attempt that brought an answer. What a provider measured of the media goes before our measure."""
    media_seconds = answer.usage.seconds or quantities.media_seconds
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
        media_seconds=media_seconds,
        **_used(answer.usage, tariff, service_tier=answer.service_tier, media_seconds=media_seconds),
    )


def failed(number: int, error: ProviderError, tariff: Tariff, *, estimate: Cost, streamed: bool) -> AttemptUsage:
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
    if error.delivery == "unknown":
        return AttemptUsage(status="unknown", usage_source="none", **facts, **_priced(tariff, estimate))
    return AttemptUsage(status="refused", usage_source="none", **facts, **_priced(tariff, _nothing(tariff)))


def abandoned(number: int, tariff: Tariff, *, estimate: Cost) -> AttemptUsage:
    """Account for an attempt that this process was stopped in: nobody can know what the provider counted."""
    return AttemptUsage(
        attempt_number=number,
        status="unknown",
        usage_source="none",
        error_code="interrupted",
        succeeded=False,
        **_priced(tariff, estimate),
    )


def _used(
    usage: Usage, tariff: Tariff, *, service_tier: str = "", media_seconds: Decimal | None = None
) -> dict[str, Any]:
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
        **_charged(usage, tariff, media_seconds),
        **_priced(tariff, tariff.cost(usage, service_tier=service_tier, media_seconds=media_seconds)),
    }


def _charged(usage: Usage, tariff: Tariff, media_seconds: Decimal | None) -> dict[str, Any]:
    """Return the columns of the charge: by the model's weight, or by the operation's rate where no token was counted.

    Whichever version it was, the row names it.
    """
    if usage.provider_tokens or tariff.rate is None or not tariff.rate.charges_tokens:
        version = tariff.weight_version
        return {
            "charged_tokens": tariff.charge(usage.provider_tokens),
            "weight": tariff.weight,
            "weight_version_id": None if version is None else version.pk,
        }
    return {"charged_tokens": tariff.charge_uncounted(media_seconds), "weight_version_id": tariff.rate.pk}


def _nothing(tariff: Tariff) -> Cost:
    """Return what a refused request costs: nothing, if its price is known at all."""
    return UNPRICED if tariff.price is None else Cost(Decimal(0), kind_of(tariff.price))


def _priced(tariff: Tariff, cost: Cost) -> dict[str, Any]:
    """Return the columns of money: the company's price is the provider's cost and the margin on it.

    A model may be priced and one of the classes used not, or the tier: then the whole cost is unknown, and the row
    says so.
    """
    return {
        "price_kind": cost.kind,
        "price_version_id": tariff.price_version_id,
        "provider_cost_usd": cost.usd,
        "margin_percent": tariff.margin_percent,
        "sale_value_usd": None if cost.usd is None else cost.usd * (1 + tariff.margin_percent / 100),
    }
