"""Write dated prices into the price book."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import transaction

from billing.errors import PriceExists
from billing.models import CLASS_PRICES, STANDARD, ClassPrices, PriceRate, PriceVersion
from billing.price_list import ListedPrice, ListedRate, Prices, find_listed_price
from billing.prices import find_price, forget_prices
from billing.selectors import get_database_time

Outcome = Literal["added", "unchanged", "overridden", "not_listed", "unpriced"]


@dataclass(frozen=True)
class PriceSync:
    """What became of one model.

    ``prices`` and ``rates`` are the list's; ``changes`` says what is other than in the price in force. ``overridden``:
    staff set another price, which stays. ``not_listed``: the list does not know the model and the
    price in force stays. ``unpriced``: no price is known at all.
    """

    provider: str
    model: str
    outcome: Outcome
    effective_from: datetime | None = None
    prices: Prices | None = None
    rates: tuple[ListedRate, ...] = ()
    changes: tuple[str, ...] = ()
    source: str = ""
    not_modelled: tuple[str, ...] = ()


def sync_prices(
    models: Iterable[str], *, effective_from: datetime | None = None, dry_run: bool = False
) -> list[PriceSync]:
    """Bring the price book up to the installed price list for ``models``, each ``provider/model``.

    A price that has not changed gets no new row, so that running it again changes nothing. Prices hold from
    ``effective_from`` on, which is now unless given; those of usage already logged stay as they were.

    Raises:
        PriceExists: another price of the model holds from exactly ``effective_from`` on; nothing was written.
    """
    moment = effective_from or get_database_time()
    with transaction.atomic():
        results = [_sync(name, moment, dry_run=dry_run) for name in dict.fromkeys(models)]
    transaction.on_commit(forget_prices)
    return results


def _sync(name: str, moment: datetime, *, dry_run: bool) -> PriceSync:
    provider, _, model = name.partition("/")
    listed = find_listed_price(provider, model, moment)
    if listed is None:
        is_priced = _is_priced(provider, model, moment)
        return PriceSync(provider, model, "not_listed" if is_priced else "unpriced")
    current = _current_version(provider, model, moment)
    if current is not None and current.kind != "listed":
        return _report(provider, model, "overridden", listed, current)
    if current is not None and not _list_changes(current, listed):
        return _report(provider, model, "unchanged", listed, current)
    if current is not None and current.effective_from == moment:
        raise PriceExists(provider, model, moment)
    if not dry_run:
        write_price(
            PriceVersion(provider=provider, model=model, effective_from=moment, kind="listed", source=listed.source),
            listed.prices,
            listed.rates,
        )
    return replace(_report(provider, model, "added", listed, current), effective_from=moment)


def write_price(version: PriceVersion, prices: Prices, rates: Iterable[ListedRate]) -> PriceVersion:
    """Write a price version and its rates beside the standard one."""
    for column, usd in prices.items():
        setattr(version, column, usd)
    version.save(force_insert=True)
    PriceRate.objects.bulk_create(
        PriceRate(
            version=version,
            service_tier=rate.service_tier,
            above_input_tokens=rate.above_input_tokens,
            **rate.prices,
        )
        for rate in rates
    )
    return version


def _report(
    provider: str, model: str, outcome: Outcome, listed: ListedPrice, current: PriceVersion | None
) -> PriceSync:
    return PriceSync(
        provider,
        model,
        outcome,
        current.effective_from if current else None,
        listed.prices,
        listed.rates,
        () if current is None else tuple(_list_changes(current, listed)),
        listed.source,
        listed.not_modelled,
    )


def _list_changes(current: PriceVersion, listed: ListedPrice) -> list[str]:
    """Say in words which prices of the list are other than those in force."""
    old: dict[tuple[str, int], Prices] = {(STANDARD, 0): _prices_of(current)}
    old |= {(rate.service_tier, rate.above_input_tokens): _prices_of(rate) for rate in current.known_rates}
    new: dict[tuple[str, int], Prices] = {(STANDARD, 0): listed.prices}
    new |= {(rate.service_tier, rate.above_input_tokens): rate.prices for rate in listed.rates}
    return [
        f"{_rate_name(*rate)}{column}: {_usd(before)} → {_usd(after)}"
        for rate in sorted({*old, *new})
        for column in CLASS_PRICES
        if (before := old.get(rate, {}).get(column)) != (after := new.get(rate, {}).get(column))
    ]


def _rate_name(service_tier: str, above_input_tokens: int) -> str:
    tier = "" if service_tier == STANDARD else f"{service_tier} "
    return f"{tier}above {above_input_tokens:,} tokens " if above_input_tokens else tier


def _usd(price: Decimal | None) -> str:
    return "none" if price is None else f"{price.normalize():f}"


def _current_version(provider: str, model: str, moment: datetime) -> PriceVersion | None:
    versions = PriceVersion.objects.filter(
        provider=provider, model=model, effective_from__lte=moment, withdrawn_at__isnull=True
    )
    return versions.order_by("-effective_from").prefetch_related("rates").first()


def _prices_of(prices: ClassPrices) -> dict[str, Decimal | None]:
    return {column: getattr(prices, column) for column in CLASS_PRICES}


def _is_priced(provider: str, model: str, moment: datetime) -> bool:
    forget_prices()
    return find_price(provider, model, moment) is not None
