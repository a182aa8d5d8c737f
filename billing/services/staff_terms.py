"""What staff decide about prices and weights: from a moment on, with a reason, never as an edit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from billing.errors import PriceExists, TermsInForce, TermsInThePast
from billing.models import PriceVersion, WeightVersion
from billing.price_list import ListedRate, Prices
from billing.prices import CACHE_SECONDS, forget_prices
from billing.rates import forget_rates
from billing.selectors import get_database_time
from billing.services.price_book import write_price
from tokens.models.fields import ClockTimestamp

logger = structlog.get_logger(__name__)

# Processes remember terms for so long: what is withdrawn later than that before its time could still be applied.
LEAST_NOTICE = timedelta(seconds=2 * CACHE_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decides about a model's terms, from when on, and why."""

    provider: str
    model: str
    effective_from: datetime
    reason: str
    actor_id: int


def override_price(decision: Decision, *, kind: str, source: str, prices: Prices, rates: Iterable[ListedRate]) -> None:
    """Add a price. One that begins in the past changes no call that was made: re-rating does, if wanted.

    Raises:
        PriceExists: another price of the model holds from exactly that moment on.
    """
    _require_free_moment(PriceVersion, decision)
    with transaction.atomic():
        write_price(PriceVersion(kind=kind, source=source, **_columns(decision)), prices, rates)
        transaction.on_commit(forget_prices)
    logger.info("price_decided", kind=kind, **_columns(decision))


def set_weight(decision: Decision, *, weight: Decimal) -> None:
    """Add a weight. Balances were charged by the one before: it begins now or later.

    Raises:
        TermsInThePast: it would begin in the past.
        PriceExists: another weight of the model holds from exactly that moment on.
    """
    if decision.effective_from < get_database_time() - timedelta(minutes=1):
        raise TermsInThePast(decision.effective_from)
    _require_free_moment(WeightVersion, decision)
    WeightVersion.objects.create(weight=weight, **_columns(decision))
    transaction.on_commit(forget_rates)
    logger.info("weight_decided", weight=str(weight), **_columns(decision))


def withdraw_terms(terms: type[PriceVersion] | type[WeightVersion], terms_id: UUID, *, actor_id: int) -> None:
    """Withdraw a price or a weight that is not in force yet; it stays on record. Once withdrawn, nothing happens.

    Raises:
        TermsInForce: it is in force, or will be in a moment, or does not exist.
    """
    to_come = terms.objects.filter(pk=terms_id, effective_from__gt=get_database_time() + LEAST_NOTICE)
    if to_come.filter(withdrawn_at=None).update(withdrawn_at=ClockTimestamp(), withdrawn_by_id=actor_id):
        transaction.on_commit(forget_prices)
        transaction.on_commit(forget_rates)
        logger.info("terms_withdrawn", terms=terms.__name__, terms_id=str(terms_id), actor_id=actor_id)
    elif not to_come.exists():
        raise TermsInForce(terms_id)


def _require_free_moment(terms: type[PriceVersion] | type[WeightVersion], decision: Decision) -> None:
    """Say so in words of the domain; that two at once do not slip through is for the constraint to see."""
    subject = (decision.provider, decision.model, decision.effective_from)
    if terms.objects.filter(
        withdrawn_at=None, provider=subject[0], model=subject[1], effective_from=subject[2]
    ).exists():
        raise PriceExists(*subject)


def _columns(decision: Decision) -> dict[str, Any]:
    columns = dict(vars(decision))
    columns["created_by_id"] = columns.pop("actor_id")
    return columns
