"""Place, renew and end holds: the ledger's side of one call's life, for callers that block."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from tokens.services.movements import (
    AttemptUsage,
    Attribution,
    Closing,
    HoldRequest,
    Movement,
    Outcome,
    PlacedHold,
    Settlement,
    closing_hold,
    extending,
    placing,
    starting_attempt,
)
from tokens.services.statement import require_no_transaction, run, run_durably

__all__ = [
    "AttemptUsage",
    "Attribution",
    "Closing",
    "HoldRequest",
    "PlacedHold",
    "Settlement",
    "close_hold",
    "extend_hold",
    "place_hold",
    "release_hold",
    "settle_hold",
    "start_attempt",
]


def place_hold(request: HoldRequest) -> PlacedHold:
    """Reserve tokens and write the first attempt, durably, in one statement.

    Raises:
        InsufficientTokens: the available balance does not cover ``minimum_tokens``, or there is debt.
        BudgetExceeded: a budget that stops does not cover them.
        KeyInUse: the key stands for another request.
        CallInFlight: the key's call is under way.
    """
    return _make(placing(request))


def start_attempt(
    *,
    hold_id: UUID,
    provider: str,
    model: str,
    estimated_cost_usd: Decimal | None,
    estimated_price_kind: str = "listed",
    lease_seconds: int,
) -> int:
    """Write the next attempt before its request is sent, and renew the lease; returns the attempt's number.

    Raises:
        HoldEnded: the hold is not open any more; nothing may be sent under it.
    """
    movement = starting_attempt(
        hold_id=hold_id,
        provider=provider,
        model=model,
        estimated_cost_usd=estimated_cost_usd,
        estimated_price_kind=estimated_price_kind,
        lease_seconds=lease_seconds,
    )
    return _make(movement)


def extend_hold(*, hold_id: UUID, more_tokens: int = 0, lease_seconds: int) -> bool:
    """Renew the lease of an open hold, and reserve ``more_tokens`` under it if balance and budgets allow all of them.

    Returns whether the tokens were reserved; the lease is renewed in either case.

    Raises:
        HoldEnded: the hold is not open any more.
    """
    return _make(extending(hold_id=hold_id, more_tokens=more_tokens, lease_seconds=lease_seconds))


def close_hold(closing: Closing) -> Settlement:
    """End a hold: charge what was used, store the answer, give the rest back. Once: a repeat changes nothing.

    Raises:
        HoldEnded: the hold ended the other way; a released hold is never charged, a settled one keeps its charge.
    """
    return _make(closing_hold(closing))


def settle_hold(
    *, hold_id: UUID, usages: Sequence[AttemptUsage], answer: Mapping[str, Any] | None, answer_days: int = 30
) -> Settlement:
    """Charge what was used, store the answer, give the rest back; see ``close_hold``."""
    return close_hold(Closing.settling(hold_id, usages, answer, answer_days))


def release_hold(*, hold_id: UUID, usages: Sequence[AttemptUsage] = ()) -> None:
    """Give the whole hold back; see ``close_hold``."""
    close_hold(Closing.releasing(hold_id, usages))


def _make(movement: Movement[Outcome]) -> Outcome:
    require_no_transaction()
    execute = run_durably if movement.tells_durability else run
    return movement.read(execute(movement.sql, movement.parameters))
