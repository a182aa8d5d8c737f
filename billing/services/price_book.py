"""Write dated prices into the price book."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import transaction

from billing.errors import PriceExists
from billing.models import PriceVersion
from billing.price_list import COLUMNS, ListedPrice, find_listed_price
from billing.prices import find_price, forget_prices
from billing.selectors import get_database_time

Outcome = Literal["added", "unchanged", "overridden", "not_listed", "unpriced"]


@dataclass(frozen=True)
class PriceSync:
    """What became of one model.

    ``overridden``: staff set another price, which stays. ``not_listed``: the list does not know the model and the
    price in force stays. ``unpriced``: no price is known at all.
    """

    provider: str
    model: str
    outcome: Outcome
    effective_from: datetime | None = None
    prices: dict[str, Decimal | None] | None = None
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
        return _report(provider, model, "overridden", listed, current.effective_from)
    if current is not None and _prices_of(current) == listed.prices:
        return _report(provider, model, "unchanged", listed, current.effective_from)
    if current is not None and current.effective_from == moment:
        raise PriceExists(provider, model, moment)
    if not dry_run:
        _write(provider, model, listed, moment)
    return _report(provider, model, "added", listed, moment)


def _report(provider: str, model: str, outcome: Outcome, listed: ListedPrice, effective_from: datetime) -> PriceSync:
    return PriceSync(provider, model, outcome, effective_from, listed.prices, listed.source, listed.not_modelled)


def _write(provider: str, model: str, listed: ListedPrice, moment: datetime) -> None:
    PriceVersion.objects.create(
        provider=provider, model=model, effective_from=moment, kind="listed", source=listed.source, **listed.prices
    )


def _current_version(provider: str, model: str, moment: datetime) -> PriceVersion | None:
    versions = PriceVersion.objects.filter(provider=provider, model=model, effective_from__lte=moment)
    return versions.order_by("-effective_from").first()


def _prices_of(version: PriceVersion) -> dict[str, Decimal | None]:
    return {column: getattr(version, column) for column in COLUMNS}


def _is_priced(provider: str, model: str, moment: datetime) -> bool:
    forget_prices()
    return find_price(provider, model, moment) is not None
