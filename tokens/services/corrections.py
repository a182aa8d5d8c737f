"""Corrections of what was charged or cost: new rows of signed amounts, never edits, each with actor and reason."""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from tokens.errors import KeyInUse, NotACharge, RefundTooLarge
from tokens.services.statement import run
from tokens.sql.calls import CORRECT_COST, REFUND, REVOKE


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Who corrects and why. ``key`` makes the correction idempotent; ``actor_id`` None is Winnow itself."""

    key: str
    reason_code: str
    actor_id: int | None = None


@dataclass(frozen=True)
class Refund:
    """What was given back, and the usage log that records it."""

    refund_id: UUID
    tokens: int


def refund_charge(*, usage_log_id: UUID, amount_tokens: int | None, cause: Cause) -> Refund:
    """Give back tokens of a charge to the allocations that paid it; ``amount_tokens`` None gives all that is left.

    Partial refunds add up to the charge at most. Tokens of an expired allocation come as a new one of 30 days. The
    same key returns the first refund.

    Raises:
        RefundTooLarge: less than that is left of the charge; nothing was given back.
        NotACharge: there is no such charge.
        KeyInUse: the key stands for another refund.
    """
    request = {"usage_log_id": usage_log_id, "amount_tokens": amount_tokens}
    outcome, refund_id, tokens = run(REFUND, _parameters(request, cause))
    if outcome == "too_much":
        raise RefundTooLarge(tokens)
    if outcome == "not_a_charge":
        raise NotACharge(usage_log_id)
    if outcome == "key_conflict":
        raise KeyInUse(cause.key)
    return Refund(refund_id, tokens)


def void_call(*, usage_log_id: UUID, cause: Cause) -> Refund:
    """Give back the whole charge of a call that should not have been made."""
    return refund_charge(usage_log_id=usage_log_id, amount_tokens=None, cause=cause)


def correct_cost(
    *,
    usage_log_id: UUID,
    kind: Literal["rerating", "reconciliation"],
    cost_delta_usd: Decimal,
    sale_delta_usd: Decimal | None,
    price_version_id: UUID | None,
    price_kind: str,
    cause: Cause,
) -> UUID:
    """Correct the money of a usage log by a row of signed amounts; tokens and balance stay. Returns the row's id.

    Raises:
        NotACharge: there is no such usage log.
        KeyInUse: the key stands for another correction.
    """
    request = {
        "usage_log_id": usage_log_id,
        "kind": kind,
        "cost_delta_usd": cost_delta_usd,
        "sale_delta_usd": sale_delta_usd,
        "price_version_id": price_version_id,
        "price_kind": price_kind,
    }
    outcome, correction_id = run(CORRECT_COST, _parameters(request, cause))
    if outcome == "not_found":
        raise NotACharge(usage_log_id)
    if outcome == "key_conflict":
        raise KeyInUse(cause.key)
    return UUID(str(correction_id))


def revoke_tokens(*, allocation_id: UUID, amount_tokens: int, cause: Cause) -> int:
    """Take back at most ``amount_tokens`` of what is free on an allocation; returns how many. A repeat takes none.

    Raises:
        KeyInUse: the key stands for another revocation.
    """
    request = {"allocation_id": allocation_id, "amount_tokens": amount_tokens}
    outcome, tokens = run(REVOKE, _parameters(request, cause))
    if outcome == "key_conflict":
        raise KeyInUse(cause.key)
    return int(tokens)


def _parameters(request: dict[str, Any], cause: Cause) -> dict[str, Any]:
    """Join request and cause; the hash tells a repeat of the request from another one under the same key."""
    canonical = json.dumps(request, sort_keys=True, default=str)
    return {**request, **vars(cause), "request_hash": hashlib.sha256(canonical.encode()).digest()}
