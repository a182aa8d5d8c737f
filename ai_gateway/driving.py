"""Do what a call's life asks for, blocking: the way of workers and commands."""

import time
from collections.abc import Callable
from typing import Any

from ai_gateway.effects import (
    CloseHold,
    Effect,
    ExtendHold,
    Life,
    Pause,
    PlaceHold,
    Replayed,
    Send,
    Settled,
    StartAttempt,
    advance,
)
from tokens.services.holds import extend_hold, place_hold, start_attempt
from tokens.services.spool import close_or_spool


def drive(life: Life, send: Callable[[Send], Any]) -> Settled | Replayed:
    """Live a call to its end; ``send`` makes one request and returns the reply. Raises what the life raises."""
    outcome: Any = None
    failure: BaseException | None = None
    while True:
        step = advance(life, outcome, failure)
        if isinstance(step, Settled | Replayed):
            return step
        effect, outcome, failure = step, None, None
        try:
            outcome = _do(effect, send)
        except BaseException as error:
            failure = error


def _do(effect: Effect, send: Callable[[Send], Any]) -> Any:
    match effect:
        case PlaceHold(request):
            return place_hold(request)
        case Send():
            return send(effect)
        case Pause(seconds):
            return time.sleep(seconds)
        case StartAttempt(hold_id, candidate, lease):
            estimate = candidate.plan.estimate
            return start_attempt(
                hold_id=hold_id,
                provider=candidate.route.provider,
                model=candidate.route.model,
                estimated_cost_usd=estimate.usd,
                estimated_price_kind=estimate.kind,
                lease_seconds=lease,
            )
        case ExtendHold(hold_id, more, lease):
            return extend_hold(hold_id=hold_id, more_tokens=more, lease_seconds=lease)
        case CloseHold(closing):
            return close_or_spool(closing)
