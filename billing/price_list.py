"""Read model prices from the installed genai-prices package: its own data, without a network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, TieredPrices, TimeOfDateConstraint

from billing.models import STANDARD, STANDARD_NAMES

# Column of the price book, and the package's name for the price.
COLUMNS = {
    "input_usd_per_million": "input_mtok",
    "cache_read_usd_per_million": "cache_read_mtok",
    "cache_write_short_usd_per_million": "cache_write_mtok",
    "cache_write_long_usd_per_million": "cache_write_1h_mtok",
    "input_audio_usd_per_million": "input_audio_mtok",
    "input_image_usd_per_million": "input_image_mtok",
    "output_usd_per_million": "output_mtok",
    "output_reasoning_usd_per_million": "output_reasoning_mtok",
    "output_audio_usd_per_million": "output_audio_mtok",
    "output_image_usd_per_million": "output_image_mtok",
    "tool_usd_per_thousand": "web_searches_kcount",
    "media_usd_per_hour": "audio_hours",
}
# The same hours again, by direction.
_REPEATED = {"input_audio_hours"}
# What a request can be told apart by in the list, and is named as the service tier that was billed here.
_TIER_KEYS = ("service_tier", "processing", "speed")

Prices = Mapping[str, Decimal | None]


@dataclass(frozen=True)
class ListedRate:
    """Prices at another service tier, or above a size of the input, by column of the price book."""

    service_tier: str
    above_input_tokens: int
    prices: Prices


@dataclass(frozen=True)
class ListedPrice:
    """A model's price by column of the price book: the standard one, and in ``rates`` other tiers and long inputs.

    ``not_modelled`` says in words what the list charges and the price book cannot express.
    """

    prices: Prices
    rates: tuple[ListedRate, ...]
    source: str
    not_modelled: tuple[str, ...]


def find_listed_price(provider: str, model: str, at: datetime) -> ListedPrice | None:
    """Find what the package lists for a model at a moment, or None for a model or provider that it does not know."""
    try:
        lister, info = get_snapshot().find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    if lister.id != provider:  # the package also guesses by similar names
        return None
    return read_listed_price(info, at)


def read_listed_price(info: ModelInfo, at: datetime) -> ListedPrice | None:
    """Read the prices of a listed model at a moment, or None when no class of the price book has one."""
    standard, *rates = _list_rates(info, at)
    if all(price is None for price in standard.prices.values()):
        return None
    return ListedPrice(
        standard.prices, tuple(rates), f"genai-prices {version('genai-prices')}", tuple(_not_modelled(info, at))
    )


def _list_rates(info: ModelInfo, at: datetime) -> Iterator[ListedRate]:
    """List the standard prices first, then those of other tiers; each followed by its prices of long inputs."""
    for tier, context in _contexts(info, at).items():
        resolved = info.get_prices(at, context)
        for length in (0, *_lengths(resolved)):
            yield ListedRate(tier, length, {column: _price(resolved, name, length) for column, name in COLUMNS.items()})


def _contexts(info: ModelInfo, at: datetime) -> dict[str, dict[str, str]]:
    """Return what to ask the list for, by the name of the tier that it prices at this moment."""
    contexts: dict[str, dict[str, str]] = {STANDARD: {}}
    for variant in info.price_variants or ():
        is_active = variant.constraint is None or variant.constraint.active(at)
        name = _tier_name(variant.when)
        if is_active and name and name not in STANDARD_NAMES:
            contexts[name] = dict(variant.when)
    return contexts


def _tier_name(when: Mapping[str, str]) -> str:
    """Return the one name by which a request of this kind is told apart, or nothing when it takes more than that."""
    ((key, value), *others) = when.items()
    return value if key in _TIER_KEYS and not others else ""


def _lengths(prices: ModelPrice) -> list[int]:
    return sorted({tier.start for price in vars(prices).values() for tier in getattr(price, "tiers", ())})


def _price(prices: ModelPrice, name: str, length: int) -> Decimal | None:
    """Return the price of a class for a request whose input exceeds ``length`` tokens, and no longer limit."""
    price: Decimal | TieredPrices | None = getattr(prices, name)
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= length]
    return reached[-1] if length and reached else price.base


def _not_modelled(info: ModelInfo, at: datetime) -> Iterator[str]:
    for name, price in vars(info.get_prices(at)).items():
        if price is not None and name not in {*COLUMNS.values(), *_REPEATED}:
            yield f"{name} costs {price} USD"
    for variant in info.price_variants or ():
        name = _tier_name(variant.when)
        if not name or (name in STANDARD_NAMES and vars(variant.prices)):
            yield f"other prices when {variant.when}"
    if any(isinstance(price.constraint, TimeOfDateConstraint) for price in _conditional(info)):
        yield f"the price depends on the time of day; this is the one at {at:%H:%M} UTC"


def _conditional(info: ModelInfo) -> list[ConditionalPrice]:
    return info.prices if isinstance(info.prices, list) else []
