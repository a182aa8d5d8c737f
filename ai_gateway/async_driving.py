"""Do what a call's life asks for without blocking: the way of the HTTP gateway."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
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
from tokens.errors import BudgetExceeded, InsufficientTokens
from tokens.services.async_ledger import AsyncLedger
from tokens.services.movements import Closing, HoldRequest, PlacedHold, Settlement


async def adrive(life: Life, ledger: AsyncLedger, send: Callable[[Send], Awaitable[Any]]) -> Settled | Replayed:
    """Live a call to its end; ``send`` makes one request and returns the reply. Raises what the life raises.

    Cancelled at any point, it ends the hold before it raises; cancelled again, it still does.
    """
    outcome: Any = None
    failure: BaseException | None = None
    while True:
        if outcome is False or isinstance(failure, InsufficientTokens | BudgetExceeded):
            # A hold is too small, so the input is counted now: megabytes take a tokenizer seconds.
            step = await _advance_aside(life, outcome, failure)
        else:
            step = advance(life, outcome, failure)
        if isinstance(step, Settled | Replayed):
            return step
        effect, outcome, failure = step, None, None
        try:
            outcome = await _do(effect, ledger, send)
        except GeneratorExit:  # the event loop is gone: nobody can wait for anything any more
            raise
        except BaseException as error:
            failure = error


async def _do(effect: Effect, ledger: AsyncLedger, send: Callable[[Send], Awaitable[Any]]) -> Any:
    match effect:
        case PlaceHold(request):
            return await _place(ledger, request)
        case Send():
            return await send(effect)
        case Pause(seconds):
            return await asyncio.sleep(seconds)
        case StartAttempt(hold_id, candidate, lease):
            estimate = candidate.plan.estimate
            return await ledger.start_attempt(
                hold_id=hold_id,
                provider=candidate.route.provider,
                model=candidate.route.model,
                estimated_cost_usd=estimate.usd,
                estimated_price_kind=estimate.kind,
                lease_seconds=lease,
            )
        case ExtendHold(hold_id, more, lease):
            return await ledger.extend_hold(hold_id=hold_id, more_tokens=more, lease_seconds=lease)
        case CloseHold(closing):
            return await _close(ledger, closing)


async def _advance_aside(life: Life, outcome: Any, failure: BaseException | None) -> Effect | Settled | Replayed:
    """Advance in a thread, to the end; a life that was cancelled meanwhile is then told so."""
    advance_here = partial(copy_context().run, advance, life, outcome, failure)
    advancing = asyncio.get_running_loop().run_in_executor(None, advance_here)
    try:
        return await asyncio.shield(advancing)
    except asyncio.CancelledError as cancellation:
        await _finish(advancing)
        return advance(life, None, cancellation)


async def _place(ledger: AsyncLedger, request: HoldRequest) -> PlacedHold:
    """Place a hold and know it: one that was cancelled on its way is given back at once."""
    placing = asyncio.create_task(ledger.place_hold(request))
    try:
        return await asyncio.shield(placing)
    except asyncio.CancelledError:
        await _finish(_give_back(ledger, placing))
        raise


async def _close(ledger: AsyncLedger, closing: Closing) -> Settlement | None:
    """Close a hold. Cancelled on its way, it closes it again, which changes nothing if it was closed after all."""
    try:
        return await ledger.close_or_spool(closing)
    except asyncio.CancelledError:
        await _finish(ledger.close_or_spool(closing))
        raise


async def _give_back(ledger: AsyncLedger, placing: "asyncio.Future[PlacedHold]") -> None:
    try:
        placed = await placing
    except Exception:  # nothing was held
        return
    if not placed.is_replay:
        await ledger.close_or_spool(Closing.releasing(placed.hold_id))


async def _finish(work: Coroutine[Any, Any, object] | asyncio.Future[Any]) -> None:
    """Wait until ``work`` is done, for a task that was cancelled, however often it is cancelled again meanwhile."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    task.result()
