"""One call's life under its hold: reserve, attempt, try again within bounds, and end the hold whatever happens.

It is written as a generator that decides and does nothing itself: it yields what is to be done next, and its driver
does that (``driving.py``), so that workers, which block, and the HTTP gateway, which must not, live by the same rules.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from ai_gateway.accounting import abandoned, answered, failed
from ai_gateway.breakers import get_breaker, judge_health
from ai_gateway.effects import (
    Candidate,
    CloseHold,
    Effect,
    ExtendHold,
    Life,
    Pause,
    PlannedCall,
    ProviderReply,
    Replayed,
    Send,
    Settled,
    StartAttempt,
)
from ai_gateway.errors import CallFailed
from ai_gateway.operations import lease_seconds
from ai_gateway.planning import CallPlan
from ai_gateway.providers.errors import ProviderCircuitOpen, ProviderError, ProviderRejectedRequest
from ai_gateway.reserving import reserve
from ai_gateway.stored_answers import store_answer, store_failure
from ai_gateway.telemetry import WatchedCall
from tokens.services.holds import AttemptUsage, Closing

logger = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 20.0


def live(call: PlannedCall) -> Life:
    """Live one call: returns once its hold has ended.

    Raises:
        AccessRefused: tokens or a budget do not allow it; nothing was sent.
        CallUnderWay: the same key is in flight.
        CallFailed: attempts ran out, or another would be of no use; the hold has ended. Or every provider is known to
            be down: nothing was held.
        KeyInUse: see ``tokens.errors``.
    """
    with WatchedCall(call) as watched:
        return (yield from _live(call, watched))


def _live(call: PlannedCall, watched: WatchedCall) -> Life:
    position = _find_way(call)
    candidate, placed = yield from reserve(call, call.candidates[position])
    hold_id = watched.hold_id = str(placed.hold_id)
    if placed.is_replay:
        watched.outcome = "replayed"
        return Replayed(placed.hold_id)
    logger.info("call_started", hold_id=hold_id, model=str(candidate.route), held_tokens=placed.held_tokens)
    attempts = _Attempts(call, watched, placed.hold_id, placed.held_tokens, candidate, position)
    try:
        reply = yield from attempts.ask_until_answered()
    except (CallFailed, GeneratorExit):  # to a life that nobody drives any more, the sweeper sees
        raise
    except BaseException:  # a shutdown, a caller who left or a defect of ours, perhaps while the provider is working
        yield from attempts.abandon()
        raise
    return (yield from attempts.settle(reply))


def _find_way(call: PlannedCall) -> int:
    """Return the position of the first model whose provider may be asked."""
    for position, candidate in enumerate(call.candidates):  # the later ones may be planned only now
        if get_breaker(candidate.route.provider).allows():
            return position
    logger.warning("call_not_made", code=ProviderCircuitOpen.code, model=str(call.candidates[0].route))
    raise CallFailed(
        ProviderCircuitOpen.code, "The AI provider is down and is not asked for a while.", retryable=True, hold_id=None
    )


@dataclass
class _Attempts:
    """The attempts under one hold. ``usages`` collects what must be logged: one per attempt that reached a provider.

    ``left_for`` is the failure for which the model that was asked first was left.
    """

    call: PlannedCall
    watched: WatchedCall
    hold_id: UUID
    held_tokens: int
    candidate: Candidate
    position: int
    tries: int = 1
    number: int = 1
    in_flight: bool = False
    left_for: ProviderError | None = None
    usages: list[AttemptUsage] = field(default_factory=list)

    def ask_until_answered(self) -> Generator[Effect, Any, Any]:
        while True:
            try:
                return (yield from self._ask())
            except ProviderError as error:
                self._note(error)
                if not (yield from self._prepare_next(error)):
                    told = error if self.left_for is None or error.retryable else self.left_for
                    raise (yield from self._end_failed(told)) from told

    def _ask(self) -> Generator[Effect, Any, Any]:
        """Make one request, unless the provider is known to be down."""
        provider = self.candidate.route.provider
        breaker = get_breaker(provider)
        if not breaker.admit():
            raise ProviderCircuitOpen(f"{provider} is down and is not asked for a while.", delivery="not_sent")
        limit = self.candidate.plan.output_limit_within(self.held_tokens)
        self.in_flight = True
        with self.watched.attempt(self.candidate) as attempt:
            try:
                reply = yield Send(self.hold_id, self.number, self.candidate, limit)
            except ProviderError as error:
                self.in_flight = False
                judge_health(breaker, error)
                raise
            attempt.reply = reply
            breaker.succeed()
        return reply

    def abandon(self) -> Generator[Effect, Any, None]:
        """End the hold of a call that this process stops making: nobody can know what the provider counted."""
        if self.in_flight:
            plan = self.candidate.plan
            self.usages.append(abandoned(self.number, plan.tariff, estimate=plan.estimate))
        logger.warning("call_interrupted", hold_id=str(self.hold_id), attempt=self.number, in_flight=self.in_flight)
        yield self._end({"code": "interrupted", "message": "The call was interrupted.", "retryable": True})

    def settle(self, reply: ProviderReply) -> Generator[Effect, Any, Settled]:
        usage = answered(
            self.number,
            reply,
            self.candidate.plan.tariff,
            prompt_version=self.call.prompt_version,
            quantities=self.call.quantities,
            streamed=self.call.streamed,
        )
        self.usages.append(usage)
        charged = self.watched.charged_tokens = self._charged_tokens
        stored = store_answer(reply.stored(), charged) if self.call.key else None
        settlement = yield CloseHold(Closing.settling(self.hold_id, self.usages, stored, self._answer_days))
        if settlement is not None:
            logger.info("call_settled", hold_id=self.watched.hold_id, attempt=self.number, **settlement._asdict())
        return Settled(self.hold_id, self.candidate, reply, charged, settlement)

    def _note(self, error: ProviderError) -> None:
        logger.warning(
            "attempt_failed", hold_id=str(self.hold_id), attempt=self.number, code=error.code, delivery=error.delivery
        )
        if error.delivery != "not_sent":
            plan = self.candidate.plan
            usage = failed(
                self.number,
                error,
                plan.tariff,
                estimate=plan.estimate,
                streamed=self.call.streamed,
            )
            self.usages.append(usage)

    def _prepare_next(self, error: ProviderError) -> Generator[Effect, Any, bool]:
        """Write another attempt after a pause, at the same model or the next; returns whether there is one.

        After an attempt that is charged, or whose answer was begun to be passed on, there is none: whoever called
        decides about paying for a new call.
        """
        if self._used_tokens or error.has_begun:
            return False
        pause = self._pause_before_same(error)
        if pause is not None:
            self.tries += 1
            yield Pause(pause)
        elif not self._may_leave_for(error) or not (yield from self._take_next_candidate()):
            return False
        else:
            self.left_for = self.left_for or error
        self.number = yield StartAttempt(self.hold_id, self.candidate, lease_seconds(self.call.operation))
        return True

    def _pause_before_same(self, error: ProviderError) -> float | None:
        """Return how long to wait before asking the same model again, or None when that is of no use."""
        is_down = not get_breaker(self.candidate.route.provider).allows()
        if not error.retryable or is_down or self.tries >= settings.AI_MAX_ATTEMPTS:
            return None
        wanted = error.retry_after_seconds
        if wanted is None:
            wanted = 0.5 * 2 ** (self.tries - 1) * random.uniform(0.75, 1.25)
        return wanted if wanted <= LONGEST_PAUSE_SECONDS else None

    def _may_leave_for(self, error: ProviderError) -> bool:
        return isinstance(error, self.call.falls_back_on) and not isinstance(error, ProviderRejectedRequest)

    def _take_next_candidate(self) -> Generator[Effect, Any, bool]:
        """Go on with the next model that the hold carries, or can be made to carry."""
        while self.position + 1 < len(self.call.candidates):
            self.position += 1
            candidate = self.call.candidates[self.position]
            if not get_breaker(candidate.route.provider).allows():
                continue
            plan = yield from self._carry(candidate.plan)
            if plan is not None:
                self.candidate, self.tries = replace(candidate, plan=plan), 1
                return True
        return False

    def _carry(self, plan: CallPlan) -> Generator[Effect, Any, CallPlan | None]:
        """Make the hold carry a plan, by the rough bound if the balance is ample, else by the tight one."""
        if (yield from self._extend_to(plan.needed_tokens)):
            return plan
        if plan.count_input is not None:
            plan = plan.counted()
            if (yield from self._extend_to(plan.needed_tokens)):
                return plan
        return plan if (yield from self._extend_to(plan.minimum_tokens)) else None

    def _extend_to(self, wanted_tokens: int) -> Generator[Effect, Any, bool]:
        more = wanted_tokens - self.held_tokens
        if more > 0 and not (yield ExtendHold(self.hold_id, more, lease_seconds(self.call.operation))):
            return False
        self.held_tokens = max(self.held_tokens, wanted_tokens)
        return True

    @property
    def _used_tokens(self) -> int:
        """What the attempts used: charged to the company, or counted in its budgets alone on its own keys."""
        return sum(usage.charged_tokens for usage in self.usages)

    @property
    def _charged_tokens(self) -> int:
        return self._used_tokens if self.call.key_owner == "platform" else 0

    @property
    def _answer_days(self) -> int:
        return self.call.answer_days or settings.AI_ANSWER_DAYS

    def _end_failed(self, error: ProviderError) -> Generator[Effect, Any, CallFailed]:
        failure: dict[str, Any] = {"code": error.code, "message": error.message, "retryable": error.retryable}
        yield self._end(failure)
        logger.warning("call_failed", hold_id=str(self.hold_id), charged_tokens=self._charged_tokens, **failure)
        return CallFailed(**failure, charged_tokens=self._charged_tokens, hold_id=self.hold_id)

    def _end(self, failure: dict[str, Any]) -> CloseHold:
        """Charge what failed attempts were counted, or give everything back."""
        if not self._used_tokens:
            return CloseHold(Closing.releasing(self.hold_id, self.usages))
        stored = store_failure(failure, self._charged_tokens) if self.call.key else None
        return CloseHold(Closing.settling(self.hold_id, self.usages, stored, self._answer_days))
