"""What staff decide about prices, weights and rates: from a moment on, with a reason, never as an edit."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

from billing.errors import TermsExist, TermsInForce, TermsInThePast
from billing.models import OperationRate, PriceVersion, WeightVersion
from billing.price_list import ListedRate, Prices
from billing.prices import CACHE_SECONDS, forget_prices
from billing.rates import forget_rates
from billing.selectors import get_database_time
from billing.services.price_book import write_price
from tokens.models.fields import ClockTimestamp

logger = structlog.get_logger(__name__)

Terms = type[PriceVersion] | type[WeightVersion] | type[OperationRate]

# Processes remember terms for so long: what is withdrawn later than that before its time could still be applied.
LEAST_NOTICE = timedelta(seconds=2 * CACHE_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who decides, about what, from when on, and why. ``subject``: ``provider`` and ``model``, or ``operation``."""

    subject: Mapping[str, str]
    effective_from: datetime
    reason: str
    actor_id: int


def override_price(decision: Decision, *, kind: str, source: str, prices: Prices, rates: Iterable[ListedRate]) -> None:
    """Add a price. One that begins in the past changes no call that was made: re-rating does, if wanted.

    Raises:
        TermsExist: another price of the model holds from exactly that moment on.
    """
    with _free_moment(PriceVersion, decision):
        write_price(PriceVersion(kind=kind, source=source, **_columns(decision)), prices, rates)
    transaction.on_commit(forget_prices)
    logger.info("price_decided", kind=kind, **_columns(decision))


def set_weight(decision: Decision, *, weight: Decimal) -> None:
    """Add a weight. Balances were charged by the one before: it begins now or later.

    Raises:
        TermsInThePast: it would begin in the past.
        TermsExist: another weight of the model holds from exactly that moment on.
    """
    _require_time_to_come(decision)
    with _free_moment(WeightVersion, decision):
        WeightVersion.objects.create(weight=weight, **_columns(decision))
    transaction.on_commit(forget_rates)
    logger.info("weight_decided", weight=str(weight), **_columns(decision))


def set_operation_rate(decision: Decision, *, amounts: Mapping[str, Decimal | None]) -> None:
    """Add a rate with all its amounts, by column; an operation without any has neither charge nor fallback.

    Raises:
        TermsInThePast: it would begin in the past, where balances were charged by the one before.
        TermsExist: another rate of the operation holds from exactly that moment on.
    """
    _require_time_to_come(decision)
    with _free_moment(OperationRate, decision):
        OperationRate.objects.create(**amounts, **_columns(decision))
    transaction.on_commit(forget_rates)
    said = {column: None if amount is None else str(amount) for column, amount in amounts.items()}
    logger.info("operation_rate_decided", **said, **_columns(decision))


def withdraw_terms(terms: Terms, terms_id: UUID, *, actor_id: int) -> None:
    """Withdraw terms that are not in force yet; they stay on record. Once withdrawn, nothing happens.

    Raises:
        TermsInForce: they are in force, or will be in a moment, or do not exist.
    """
    to_come = terms.objects.filter(pk=terms_id, effective_from__gt=get_database_time() + LEAST_NOTICE)
    if to_come.filter(withdrawn_at=None).update(withdrawn_at=ClockTimestamp(), withdrawn_by_id=actor_id):
        transaction.on_commit(forget_prices)
        transaction.on_commit(forget_rates)
        logger.info("terms_withdrawn", terms=terms.__name__, terms_id=str(terms_id), actor_id=actor_id)
    elif not to_come.exists():
        raise TermsInForce(terms_id)


def _require_time_to_come(decision: Decision) -> None:
    """Refuse a moment that is over; a form filled in with this minute is still in time."""
    if decision.effective_from < get_database_time() - timedelta(minutes=1):
        raise TermsInThePast(decision.effective_from)


@contextmanager
def _free_moment(terms: Terms, decision: Decision) -> Iterator[None]:
    """Write terms inside of this; says in words of the domain that the moment is taken, by two at once, too."""
    taken = TermsExist(" ".join(decision.subject.values()), decision.effective_from)
    same_moment = terms.objects.filter(withdrawn_at=None, effective_from=decision.effective_from, **decision.subject)
    if same_moment.exists():
        raise taken
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if same_moment.exists():
            raise taken from error
        raise


def _columns(decision: Decision) -> dict[str, Any]:
    return {
        **decision.subject,
        "effective_from": decision.effective_from,
        "reason": decision.reason,
        "created_by_id": decision.actor_id,
    }
