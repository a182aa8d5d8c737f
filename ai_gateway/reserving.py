"""Reserve what a call may use, or say why the company may not make it."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import structlog

from ai_gateway.effects import Candidate, Effect, PlaceHold, PlannedCall
from ai_gateway.errors import AccessRefused, CallUnderWay
from ai_gateway.operations import lease_seconds
from tokens.errors import BudgetExceeded, CallInFlight, InsufficientTokens
from tokens.services.holds import HoldRequest, PlacedHold

logger = structlog.get_logger(__name__)


def reserve(call: PlannedCall, candidate: Candidate) -> Generator[Effect, Any, tuple[Candidate, PlacedHold]]:
    """Hold by the rough bound if the balance is ample, else by the tight one.

    Raises:
        AccessRefused: tokens or a budget do not allow it.
        CallUnderWay: the same key is in flight.
        KeyInUse: see ``tokens.errors``.
    """
    try:
        if candidate.plan.count_input is not None:
            try:
                needed = candidate.plan.needed_tokens
                return candidate, (yield PlaceHold(_hold_request(call, candidate, minimum_tokens=needed)))
            except (InsufficientTokens, BudgetExceeded):
                candidate = replace(candidate, plan=candidate.plan.counted())
        return candidate, (yield PlaceHold(_hold_request(call, candidate, candidate.plan.minimum_tokens)))
    except (InsufficientTokens, BudgetExceeded) as lack:
        raise refuse(lack) from lack
    except CallInFlight as flight:
        raise CallUnderWay(flight.hold_id) from flight


def refuse(lack: InsufficientTokens | BudgetExceeded) -> AccessRefused:
    """Log that a call is not made for lack of tokens, and return what whoever called is told."""
    if isinstance(lack, BudgetExceeded):
        logger.info("call_refused", budget_id=str(lack.budget_id), needed_tokens=lack.minimum_tokens)
    else:
        logger.info("call_refused", available_tokens=lack.available_tokens, needed_tokens=lack.minimum_tokens)
    return explain_lack(lack)


def explain_lack(error: InsufficientTokens | BudgetExceeded) -> AccessRefused:
    """Tell why a hold was refused as whoever called is told."""
    if isinstance(error, BudgetExceeded):
        message = f"A budget stops this: it has {error.left_tokens:,} tokens left."
        return AccessRefused("budget_exceeded", message, error.minimum_tokens, error.left_tokens)
    if error.available_tokens:
        reason = "insufficient_tokens"
        message = f"This needs {error.minimum_tokens:,} tokens and {error.available_tokens:,} are available."
    else:
        reason, message = "no_tokens_remaining", "There are no tokens left."
    return AccessRefused(reason, message, error.minimum_tokens, error.available_tokens)


def _hold_request(call: PlannedCall, candidate: Candidate, minimum_tokens: int) -> HoldRequest:
    estimate = candidate.plan.estimate
    return HoldRequest(
        company_id=call.company_id,
        operation=call.operation,
        needed_tokens=candidate.plan.needed_tokens,
        minimum_tokens=minimum_tokens,
        lease_seconds=lease_seconds(call.operation),
        provider=candidate.route.provider,
        model=candidate.route.model,
        attribution=call.attribution,
        estimated_cost_usd=estimate.usd,
        estimated_price_kind=estimate.kind,
        key=call.key,
        request_hash=call.request_hash,
        key_owner=call.key_owner,
    )
