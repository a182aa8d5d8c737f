"""The attempts of one call under its hold: send, wait, try again within bounds, and end the hold whatever happens."""

import random
import time
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from ai_gateway.accounting import Quantities, abandoned, answered, failed
from ai_gateway.errors import CallFailed
from ai_gateway.operations import lease_seconds
from ai_gateway.planning import CallPlan
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.types import Provider, ProviderAnswer, ProviderRequest
from ai_gateway.routing import Route
from tokens.services.holds import AttemptUsage, Closing, start_attempt
from tokens.services.spool import close_or_spool

logger = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 20.0


@dataclass
class Attempts:
    """One call being made. ``usages`` collects what must be logged: one per attempt that reached its provider."""

    hold_id: UUID
    provider: Provider
    route: Route
    request: ProviderRequest
    plan: CallPlan
    prompt_version: str
    quantities: Quantities
    number: int = 1
    in_flight: bool = False
    usages: list[AttemptUsage] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Return the answer's fields once it is settled.

        Raises:
            CallFailed: attempts ran out, or another would be of no use; the hold has ended.
        """
        try:
            answer = self._ask_until_answered()
        except CallFailed:
            raise
        except BaseException:  # a shutdown or a defect of ours, perhaps while the provider is working
            self._abandon()
            raise
        return self._settle(answer)

    def _ask_until_answered(self) -> ProviderAnswer:
        while True:
            self.in_flight = True
            try:
                return self.provider.complete(self.request)
            except ProviderError as error:
                self.in_flight = False
                self._note(error)
                pause = self._pause_before_next(error)
                if pause is None:
                    raise self._end_failed(error) from error
            time.sleep(pause)
            self._begin_next()

    def _abandon(self) -> None:
        """End the hold of a call that this process stops making: nobody can know what the provider counted."""
        if self.in_flight:
            self.usages.append(abandoned(self.number, self.plan.tariff, estimated_cost_usd=self._estimated_cost))
        self._end_hold({"code": "interrupted", "message": "The call was interrupted.", "retryable": True})

    @property
    def _estimated_cost(self) -> Decimal | None:
        return self.plan.tariff.cost(self.plan.highest_usage)

    def _settle(self, answer: ProviderAnswer) -> dict[str, Any]:
        usage = answered(
            self.number, answer, self.plan.tariff, prompt_version=self.prompt_version, quantities=self.quantities
        )
        content = {
            "text": answer.text,
            "finish_reason": answer.finish_reason,
            "provider": self.route.provider,
            "model": answer.model,
            "charged_tokens": usage.charged_tokens,
        }
        settlement = close_or_spool(Closing.settling(self.hold_id, [*self.usages, usage], {"answer": content}))
        if settlement is not None:
            logger.info("call_settled", attempt=self.number, **asdict(settlement))
        return content

    def _note(self, error: ProviderError) -> None:
        logger.warning("attempt_failed", attempt=self.number, code=error.code, delivery=error.delivery)
        if error.delivery != "not_sent":
            usage = failed(self.number, error, self.plan.tariff, estimated_cost_usd=self._estimated_cost)
            self.usages.append(usage)

    def _pause_before_next(self, error: ProviderError) -> float | None:
        """Return how long to wait before the next attempt, or None when there must not be one.

        After an attempt that is charged the hold may not cover another: whoever called decides about a new call.
        """
        if not error.retryable or self.number >= settings.AI_MAX_ATTEMPTS or self._charged_tokens:
            return None
        wanted = error.retry_after_seconds
        if wanted is None:
            wanted = 0.5 * 2 ** (self.number - 1) * random.uniform(0.75, 1.25)
        return wanted if wanted <= LONGEST_PAUSE_SECONDS else None

    def _begin_next(self) -> None:
        self.number = start_attempt(
            hold_id=self.hold_id,
            provider=self.route.provider,
            model=self.route.model,
            estimated_cost_usd=self._estimated_cost,
            lease_seconds=lease_seconds(),
        )

    @property
    def _charged_tokens(self) -> int:
        return sum(usage.charged_tokens for usage in self.usages)

    def _end_failed(self, error: ProviderError) -> CallFailed:
        failure: dict[str, Any] = {"code": error.code, "message": error.message, "retryable": error.retryable}
        self._end_hold(failure)
        logger.warning("call_failed", charged_tokens=self._charged_tokens, **failure)
        return CallFailed(**failure, charged_tokens=self._charged_tokens, hold_id=self.hold_id)

    def _end_hold(self, failure: dict[str, Any]) -> None:
        """Charge what failed attempts were counted, or give everything back."""
        if self._charged_tokens:
            stored = {"failure": {**failure, "charged_tokens": self._charged_tokens}}
            close_or_spool(Closing.settling(self.hold_id, self.usages, stored))
        else:
            close_or_spool(Closing.releasing(self.hold_id, self.usages))
