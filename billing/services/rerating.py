"""Price calls again by what the price book says of their time, and correct what they are taken to have cost."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.db import transaction

from billing.costs import Cost, cost_of
from billing.prices import find_price, forget_prices
from billing.rates import find_operation_rate, forget_rates
from tokens.errors import KeyInUse
from tokens.selectors.costed_calls import CostedCall, list_costed_calls
from tokens.services.corrections import Cause, correct_cost

# As the database rounds what it stores: numeric(20,12), halves away from zero.
_STORED = Decimal("1e-12")
# A company's ledger is locked for so many corrections at a time.
_CORRECTIONS_PER_TURN = 50


@dataclass
class Rerating:
    """What became of the calls of a model in a period.

    ``cost_delta_usd`` and ``sale_delta_usd`` add up the corrections. ``unpriced``: calls that the price book cannot
    price; where a cost is on record, it stays. ``reconciled``: the provider's own books have spoken, which know better.
    ``contested``: another run was correcting the same calls by other prices.
    """

    calls: int = 0
    corrected: int = 0
    unpriced: int = 0
    reconciled: int = 0
    contested: int = 0
    cost_delta_usd: Decimal = Decimal(0)
    sale_delta_usd: Decimal = Decimal(0)

    @property
    def is_complete(self) -> bool:
        """Whether every call stands as the price book has it."""
        return not (self.unpriced or self.contested)


@dataclass(frozen=True)
class _Correction:
    call: CostedCall
    cost: Cost
    price_version_id: UUID | None
    cost_delta_usd: Decimal
    sale_delta_usd: Decimal | None


@dataclass(frozen=True, kw_only=True)
class RatedPeriod:
    """The calls to price again: those of a model that started from ``starts_at`` on and before ``ends_at``."""

    provider: str
    model: str
    starts_at: datetime
    ends_at: datetime
    company_id: int | None = None


def rerate(
    period: RatedPeriod,
    *,
    actor_id: int | None = None,
    dry_run: bool = False,
    is_stopped: Callable[[], bool] = lambda: False,
    on_batch: Callable[[Rerating], None] = lambda _so_far: None,
) -> Rerating:
    """Post a correction for every call that is priced differently from the price book in force when it started.

    A second run finds nothing to correct; logs that arrive late are found by the next. Tokens and balances stay:
    only money is corrected, by rows of signed amounts.
    """
    forget_prices()
    forget_rates()
    result = Rerating()
    for batch in list_costed_calls(**vars(period)):
        corrections = list(_list_corrections(period, batch, result))
        for posted in _in_turns(corrections):
            _post(posted, result, actor_id=actor_id, dry_run=dry_run)
        on_batch(result)
        if is_stopped():
            break
    return result


def _list_corrections(period: RatedPeriod, batch: Iterable[CostedCall], result: Rerating) -> Iterator[_Correction]:
    for call in batch:
        result.calls += 1
        price = find_price(period.provider, period.model, call.started_at)
        rate = find_operation_rate(call.operation, call.started_at)
        cost = cost_of(call, price, rate, service_tier=call.service_tier, media_seconds=call.media_seconds)
        if call.is_reconciled:
            result.reconciled += 1
        elif cost.usd is None:
            result.unpriced += 1
        elif call.cost_usd is None or _stored(cost.usd) != call.cost_usd:
            delta = _stored(cost.usd) - (call.cost_usd or 0)
            yield _Correction(call, cost, None if price is None else price.pk, delta, _sale_delta(call, cost.usd))


def _sale_delta(call: CostedCall, cost_usd: Decimal) -> Decimal | None:
    """Return by how much the company's price changes: of what was refunded, nothing is sold."""
    if call.margin_percent is None:
        return None
    delta = _stored(cost_usd * (1 + call.margin_percent / 100)) - (call.sale_usd or 0)
    if not call.refunded_tokens:
        return delta
    return _stored(delta * (call.charged_tokens - call.refunded_tokens) / call.charged_tokens)


def _stored(usd: Decimal) -> Decimal:
    return usd.quantize(_STORED, ROUND_HALF_UP)


def _in_turns(corrections: Iterable[_Correction]) -> Iterator[list[_Correction]]:
    """Cut corrections so that one transaction locks one company, and not for long."""
    by_company = sorted(corrections, key=attrgetter("call.company_id"))
    for _company_id, own in groupby(by_company, key=attrgetter("call.company_id")):
        turn = list(own)
        for start in range(0, len(turn), _CORRECTIONS_PER_TURN):
            yield turn[start : start + _CORRECTIONS_PER_TURN]


@transaction.atomic
def _post(corrections: Iterable[_Correction], result: Rerating, *, actor_id: int | None, dry_run: bool) -> None:
    for correction in corrections:
        if not dry_run and not _correct(correction, actor_id):
            result.contested += 1
            continue
        result.corrected += 1
        result.cost_delta_usd += correction.cost_delta_usd
        result.sale_delta_usd += correction.sale_delta_usd or 0


def _correct(correction: _Correction, actor_id: int | None) -> bool:
    """Post one correction. Its key counts those before it, so that two runs at once post it once."""
    call = correction.call
    try:
        correct_cost(
            usage_log_id=call.id,
            kind="rerating",
            cost_delta_usd=correction.cost_delta_usd,
            sale_delta_usd=correction.sale_delta_usd,
            price_version_id=correction.price_version_id,
            price_kind=correction.cost.kind,
            cause=Cause(key=f"rerate/{call.id}/{call.reratings}", reason_code="rerated", actor_id=actor_id),
        )
    except KeyInUse:
        return False
    return True
