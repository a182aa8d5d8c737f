"""Watch a call's life: a span and counts for the call, and for each of its attempts.

The life itself holds these blocks, so that no driver can forget them. They change nothing and attach nothing to the
context, because a generator may be closed in another one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from opentelemetry.trace import Span

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
    """What is known of a call so far. ``provider`` is empty until one was asked."""

    def __init__(self, call: PlannedCall, span: Span) -> None:
        self.operation = call.operation
        self.span = span
        self.provider = ""
        self.outcome = "answered"
        self.hold_id = ""
        self.charged_tokens = 0

    @contextmanager
    def attempt(self, candidate: Candidate) -> Iterator["WatchedAttempt"]:
        """Watch one request to a provider; what the block raises is how it ended."""
        self.provider = candidate.route.provider
        watched, started = WatchedAttempt(), monotonic()
        span, code = start_attempt_span(self.span, candidate), ""
        try:
            yield watched
        except BaseException as error:
            code = error.code if isinstance(error, ProviderError) else "interrupted"
            raise
        finally:
            seconds = monotonic() - started
            self._count(watched.reply, code, seconds)
            end_attempt_span(span, candidate, reply=watched.reply, error_code=code, seconds=seconds)

    def _count(self, reply: Answered | None, code: str, seconds: float) -> None:
        labelled(ATTEMPTS, self.provider, code or "answered").inc()
        labelled(ATTEMPT_SECONDS, self.provider).observe(seconds)
        show_breaker(self.provider, get_breaker(self.provider).state)
        if reply is not None:
            labelled(TOKENS, self.operation, self.provider, "input").inc(reply.usage.input_tokens)
            labelled(TOKENS, self.operation, self.provider, "output").inc(reply.usage.output_tokens)


class WatchedAttempt:
    """One request; ``reply`` is set when it was answered."""

    reply: Answered | None = None


@contextmanager
def watch_call(call: PlannedCall) -> Iterator[WatchedCall]:
    """Watch a whole call; what the block raises is how it ended."""
    watched, started = WatchedCall(call, start_call_span(call)), monotonic()
    try:
        yield watched
    except BaseException as error:
        watched.outcome = _outcome_of(error)
        watched.charged_tokens = error.charged_tokens if isinstance(error, CallFailed) else 0
        raise
    finally:
        labelled(CALLS, watched.operation, watched.provider, watched.outcome).inc()
        labelled(CALL_SECONDS, watched.operation, watched.provider).observe(monotonic() - started)
        labelled(CHARGED_TOKENS, watched.operation).inc(watched.charged_tokens)
        end_call_span(
            watched.span,
            outcome=watched.outcome,
            hold_id=watched.hold_id,
            charged_tokens=watched.charged_tokens,
        )


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
