"""Watch a call's life: a span and counts for the call, and for each of its attempts.

The life itself holds these blocks, so that no driver can forget them. They change nothing and attach nothing to the
context, because a generator may be closed in another one.
"""

from time import monotonic
from typing import Self

from ai_gateway.accounting import Answered
from ai_gateway.breakers import get_breaker
from ai_gateway.effects import Candidate, PlannedCall
from ai_gateway.errors import AccessRefused, CallFailed, CallUnderWay
from ai_gateway.metrics import (
    ATTEMPT_SECONDS,
    ATTEMPTS,
    CALL_SECONDS,
    CALLS,
    CHARGED_TOKENS,
    TOKENS,
    labelled,
    show_breaker,
)
from ai_gateway.providers.errors import ProviderError
from ai_gateway.tracing import end_attempt_span, end_call_span, start_attempt_span, start_call_span


class WatchedCall:
    """A whole call, from its plan to its end; what the block raises is how it ended.

    ``provider`` is empty until one was asked.
    """

    def __init__(self, call: PlannedCall) -> None:
        self.operation = call.operation
        self.provider = ""
        self.outcome = "answered"
        self.hold_id = ""
        self.charged_tokens = 0
        self.span = start_call_span(call)
        self._started = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self.outcome = _outcome_of(error)
            self.charged_tokens = error.charged_tokens if isinstance(error, CallFailed) else 0
        labelled(CALLS, self.operation, self.provider, self.outcome).inc()
        labelled(CALL_SECONDS, self.operation, self.provider).observe(monotonic() - self._started)
        labelled(CHARGED_TOKENS, self.operation).inc(self.charged_tokens)
        end_call_span(self.span, outcome=self.outcome, hold_id=self.hold_id, charged_tokens=self.charged_tokens)

    def attempt(self, candidate: Candidate) -> "WatchedAttempt":
        """Watch one request to a provider; what the block raises is how it ended."""
        self.provider = candidate.route.provider
        return WatchedAttempt(self, candidate)


class WatchedAttempt:
    """One request; ``reply`` is set when it was answered."""

    def __init__(self, call: WatchedCall, candidate: Candidate) -> None:
        self.reply: Answered | None = None
        self._operation = call.operation
        self._candidate = candidate
        self._span = start_attempt_span(call.span, candidate)
        self._started = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        code = ""
        if error is not None:
            code = error.code if isinstance(error, ProviderError) else "interrupted"
        seconds = monotonic() - self._started
        self._count(code, seconds)
        end_attempt_span(self._span, self._candidate, reply=self.reply, error_code=code, seconds=seconds)

    def _count(self, code: str, seconds: float) -> None:
        provider, reply = self._candidate.route.provider, self.reply
        labelled(ATTEMPTS, provider, code or "answered").inc()
        labelled(ATTEMPT_SECONDS, provider).observe(seconds)
        show_breaker(provider, get_breaker(provider).state)
        if reply is not None:
            labelled(TOKENS, self._operation, provider, "input").inc(reply.usage.input_tokens)
            labelled(TOKENS, self._operation, provider, "output").inc(reply.usage.output_tokens)


def _outcome_of(error: BaseException) -> str:
    match error:
        case AccessRefused():
            return error.reason
        case CallFailed():
            return error.code
        case CallUnderWay():
            return "under_way"
        case Exception():
            return "error"
    return "interrupted"
