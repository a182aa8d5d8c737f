"""Read model prices from the installed genai-prices package: its own data, without a network."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

# Column of the price book, and the package's name for the price.
COLUMNS = {
    "input_usd_per_million": "input_mtok",
    "cache_read_usd_per_million": "cache_read_mtok",
    "cache_write_short_usd_per_million": "cache_write_mtok",
    "cache_write_long_usd_per_million": "cache_write_1h_mtok",
    "input_audio_usd_per_million": "input_audio_mtok",
    "output_usd_per_million": "output_mtok",
    "output_audio_usd_per_million": "output_audio_mtok",
}


@dataclass(frozen=True)
class ListedPrice:
    """A model's standard price: US dollars per million tokens by column of the price book.

    ``not_modelled`` says in words what the list charges and the price book cannot express.
    """

    prices: dict[str, Decimal | None]
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
    listed = info.get_prices(at)
    prices = {column: _base(getattr(listed, name)) for column, name in COLUMNS.items()}
    if prices["input_usd_per_million"] is None or prices["output_usd_per_million"] is None:
        return None
    return ListedPrice(prices, f"genai-prices {version('genai-prices')}", _not_modelled(listed))


def _base(price: Decimal | TieredPrices | None) -> Decimal | None:
    return price.base if isinstance(price, TieredPrices) else price


def _not_modelled(listed: ModelPrice) -> tuple[str, ...]:
    tiers = [_tier_note(name, getattr(listed, name)) for name in COLUMNS.values()]
    others = {name: price for name, price in vars(listed).items() if price is not None}
    for name in COLUMNS.values():
        others.pop(name, None)
    return (*filter(None, tiers), *(f"{name} costs {price} USD" for name, price in others.items()))


def _tier_note(name: str, price: Decimal | TieredPrices | None) -> str:
    if not isinstance(price, TieredPrices):
        return ""
    steps = ", ".join(f"{tier.price} USD when the input exceeds {tier.start:,} tokens" for tier in price.tiers)
    return f"{name}: {price.base} USD is used; the list says {steps}"
