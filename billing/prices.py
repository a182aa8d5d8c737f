"""What calls cost the platform: the price in force at a moment, and usage priced exactly."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import Protocol

from billing.in_force import InForce, read_in_force
from billing.models import STANDARD, STANDARD_NAMES, ClassPrices, PriceVersion
from billing.remembering import Remembered

ANY_MODEL = "*"
CACHE_SECONDS = 30.0
BATCH = "batch"
# Wide enough for any number of tokens times any price of numeric(20,12): nothing is rounded here, but thirds of hours.
_EXACT = Context(prec=60)


class UsageClasses(Protocol):
    """Tokens of a call by class. The four input classes do not overlap; the others are parts of their direction."""

    @property
    def input_uncached(self) -> int: ...
    @property
    def cache_read(self) -> int: ...
    @property
    def cache_write_short(self) -> int: ...
    @property
    def cache_write_long(self) -> int: ...
    @property
    def input_audio(self) -> int: ...
    @property
    def input_image(self) -> int: ...
    @property
    def output(self) -> int: ...
    @property
    def output_reasoning(self) -> int: ...
    @property
    def output_audio(self) -> int: ...
    @property
    def output_image(self) -> int: ...
    @property
    def tool_requests(self) -> int: ...


def find_price(provider: str, model: str, at: datetime | None = None) -> PriceVersion | None:
    """Find the price of a model in force at a moment (now, if not given): its own, else the provider's for any model.

    Now is the database's, whatever this machine's clock says. A price entered elsewhere is seen after
    ``CACHE_SECONDS``.
    """
    return _prices.get(provider).find(model, ANY_MODEL, at=at)


async def warm_prices(provider: str) -> None:
    """See to it that ``find_price`` for a provider asks no database just after this: for callers on an event loop."""
    await _prices.warm(provider)


def price_usage(
    price: PriceVersion, usage: UsageClasses, *, service_tier: str = "", media_seconds: Decimal | None = None
) -> Decimal | None:
    """Return the exact US dollars of ``usage``, every token priced once, or None when they are not known.

    Not known is what a class used costs that has no price, and what a tier costs that the price does not list:
    ``service_tier`` is what the provider's response names, as that is what it bills. ``media_seconds`` are priced
    where the model costs by the hour; a model without such a price is priced by its tokens alone, if there are any.
    """
    if price.kind == "free":
        return Decimal(0)
    rate = price.find_rate(service_tier, _input_tokens(usage))
    return None if rate is None else _price_at(rate, usage, media_seconds)


def price_usage_at_most(
    price: PriceVersion, usage: UsageClasses, *, asked_tier: str = "", media_seconds: Decimal | None = None
) -> Decimal | None:
    """Return what ``usage`` costs at most, before it is known at which tier and for how much input it is billed.

    A provider may bill the standard tier instead of the one asked for. Where it may choose (``auto``, or a name that
    the price does not list) every tier counts that an answer in time can have. The input may turn out shorter.
    """
    if price.kind == "free":
        return Decimal(0)
    input_tokens = _input_tokens(usage)
    rates = _rates_for(price, asked_tier, input_tokens)
    costs = [cost for rate in rates if (cost := _price_at(rate, usage, media_seconds)) is not None]
    return max(costs) if len(costs) == len(rates) else None


def _rates_for(price: PriceVersion, asked_tier: str, input_tokens: int) -> list[ClassPrices]:
    if not price.known_rates:
        return [price]
    listed = {rate.service_tier for rate in price.known_rates}
    if asked_tier in STANDARD_NAMES:
        tiers = {STANDARD}
    else:
        tiers = {STANDARD, asked_tier} if asked_tier in listed else {STANDARD, *listed} - {BATCH}
    lengths = {rate.above_input_tokens for rate in price.known_rates if rate.applies_to(input_tokens)}
    found = (price.find_rate(tier, length) for tier in tiers for length in (*lengths, input_tokens))
    return list({id(rate): rate for rate in found if rate is not None}.values())


def forget_prices() -> None:
    """Drop what this process remembers, so that prices just written are seen at once."""
    _prices.forget()


# So many of something, and the US dollars for so many of it.
_Part = tuple[int | Decimal, Decimal | None, int]
_MILLION = 1_000_000


def _input_tokens(usage: UsageClasses) -> int:
    return usage.input_uncached + usage.cache_read + usage.cache_write_short + usage.cache_write_long


def _price_at(rate: ClassPrices, usage: UsageClasses, media_seconds: Decimal | None) -> Decimal | None:
    parts = [part for part in (*_input_parts(rate, usage), *_output_parts(rate, usage)) if part[0]]
    if usage.tool_requests:
        parts.append((usage.tool_requests, rate.tool_usd_per_thousand, 1000))
    if media_seconds and (rate.media_usd_per_hour is not None or not parts):
        parts.append((media_seconds, rate.media_usd_per_hour, 3600))
    return _sum_exactly(parts)


def _input_parts(rate: ClassPrices, usage: UsageClasses) -> tuple[_Part, ...]:
    """Price the input. Providers do not say which of its audio and images were cached: those are taken as uncached."""
    plain = rate.input_usd_per_million
    if usage.input_uncached == _input_tokens(usage) and not (usage.input_audio or usage.input_image):
        return ((usage.input_uncached, plain, _MILLION),)
    audio = min(usage.input_audio, usage.input_uncached)
    image = min(usage.input_image, usage.input_uncached - audio)
    write_short = _first(rate.cache_write_short_usd_per_million, plain)
    return (
        (usage.input_uncached - audio - image, plain, _MILLION),
        (audio, _first(rate.input_audio_usd_per_million, plain), _MILLION),
        (image, _first(rate.input_image_usd_per_million, plain), _MILLION),
        (usage.cache_read, _first(rate.cache_read_usd_per_million, plain), _MILLION),
        (usage.cache_write_short, write_short, _MILLION),
        (usage.cache_write_long, _first(rate.cache_write_long_usd_per_million, write_short), _MILLION),
    )


def _output_parts(rate: ClassPrices, usage: UsageClasses) -> tuple[_Part, ...]:
    plain = rate.output_usd_per_million
    if not (usage.output_audio or usage.output_image or usage.output_reasoning):
        return ((usage.output, plain, _MILLION),)
    audio = min(usage.output_audio, usage.output)
    image = min(usage.output_image, usage.output - audio)
    reasoning = min(usage.output_reasoning, usage.output - audio - image)
    return (
        (usage.output - audio - image - reasoning, plain, _MILLION),
        (audio, _first(rate.output_audio_usd_per_million, plain), _MILLION),
        (image, _first(rate.output_image_usd_per_million, plain), _MILLION),
        (reasoning, _first(rate.output_reasoning_usd_per_million, plain), _MILLION),
    )


def _first(own: Decimal | None, parent: Decimal | None) -> Decimal | None:
    return parent if own is None else own


def _sum_exactly(parts: Sequence[_Part]) -> Decimal | None:
    total = Decimal(0)
    with localcontext(_EXACT):
        for quantity, usd, per in parts:
            if usd is None:
                return None
            total += quantity * usd / per
    return total


def _read_prices(provider: str) -> InForce[PriceVersion]:
    versions = PriceVersion.objects.filter(provider=provider).prefetch_related("rates")
    return read_in_force(versions, lambda version: version.model)


# By provider, of which the settings name a handful; by model it would grow with whatever callers ask for.
_prices = Remembered(_read_prices, seconds=CACHE_SECONDS)
