"""What calls cost the platform: the price in force at a moment, and usage priced exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, localcontext
from time import monotonic
from typing import Protocol

from billing.models import PriceVersion
from tokens.models.fields import ClockTimestamp

ANY_MODEL = "*"
CACHE_SECONDS = 30.0
# Wide enough for any number of tokens times any price of numeric(20,12): nothing is rounded here.
_EXACT = Context(prec=60)
# When a provider without prices was read: no price is looked up by it.
_NO_MOMENT = datetime(1, 1, 1, tzinfo=UTC)


class UsageClasses(Protocol):
    """Tokens of a call by class. The four input classes do not overlap; audio is part of its direction."""

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
    def output(self) -> int: ...
    @property
    def output_audio(self) -> int: ...


def find_price(provider: str, model: str, at: datetime | None = None) -> PriceVersion | None:
    """Find the price of a model in force at a moment (now, if not given): its own, else the provider's for any model.

    Now is the database's, whatever this machine's clock says. A price entered elsewhere is seen after
    ``CACHE_SECONDS``.
    """
    known = _remember(provider)
    moment = at or known.database_time()
    for name in (model, ANY_MODEL):
        for version in known.versions.get(name, ()):
            if version.effective_from <= moment:
                return version
    return None


def price_usage(price: PriceVersion, usage: UsageClasses) -> Decimal | None:
    """Return the exact US dollars of ``usage``, every token priced once, or None when a class used has no price.

    A class without a price of its own costs what the class costs that it is part of: a long cache write what a short
    one does, the cache and audio what plain input or output does.
    """
    audio_in = min(usage.input_audio, usage.input_uncached)
    audio_out = min(usage.output_audio, usage.output)
    plain_in, plain_out = price.input_usd_per_million, price.output_usd_per_million
    write_short = _first(price.cache_write_short_usd_per_million, plain_in)
    parts = (
        (usage.input_uncached - audio_in, plain_in),
        (audio_in, _first(price.input_audio_usd_per_million, plain_in)),
        (usage.cache_read, _first(price.cache_read_usd_per_million, plain_in)),
        (usage.cache_write_short, write_short),
        (usage.cache_write_long, _first(price.cache_write_long_usd_per_million, write_short)),
        (usage.output - audio_out, plain_out),
        (audio_out, _first(price.output_audio_usd_per_million, plain_out)),
    )
    return _sum_exactly([part for part in parts if part[0]])


def forget_prices() -> None:
    """Drop what this process remembers, so that prices just written are seen at once."""
    _remembered.clear()


def _first(own: Decimal | None, parent: Decimal | None) -> Decimal | None:
    return parent if own is None else own


def _sum_exactly(parts: Sequence[tuple[int, Decimal | None]]) -> Decimal | None:
    total = Decimal(0)
    with localcontext(_EXACT):
        for tokens, usd_per_million in parts:
            if usd_per_million is None:
                return None
            total += (tokens * usd_per_million).scaleb(-6)
    return total


@dataclass(frozen=True)
class _Remembered:
    """The price versions of one provider, newest first by model, and when they were read: by the database's clock, and
    by one of this process that nobody sets."""

    versions: Mapping[str, Sequence[PriceVersion]]
    read_at: datetime
    read_at_seconds: float

    @property
    def age_seconds(self) -> float:
        return monotonic() - self.read_at_seconds

    def database_time(self) -> datetime:
        """Tell the database's time without asking for it."""
        return self.read_at + timedelta(seconds=self.age_seconds)


# By provider, of which the settings name a handful; by model it would grow with whatever callers ask for.
_remembered: dict[str, _Remembered] = {}


def _remember(provider: str) -> _Remembered:
    found = _remembered.get(provider)
    if found is None or found.age_seconds > CACHE_SECONDS:
        found = _remembered[provider] = _read(provider)
    return found


def _read(provider: str) -> _Remembered:
    read_at, by_model = _NO_MOMENT, dict[str, list[PriceVersion]]()
    versions = PriceVersion.objects.filter(provider=provider).annotate(read_at=ClockTimestamp())
    for version in versions.order_by("-effective_from"):
        read_at = version.read_at
        by_model.setdefault(version.model, []).append(version)
    return _Remembered(by_model, read_at, monotonic())
