"""Spans and metrics for OpenTelemetry, by the GenAI names; off unless ``OPENTELEMETRY`` is set.

Only the API is a dependency: what is recorded goes to the SDK and exporter that the operator installs, and to nobody
without one. The names are those of the semantic conventions for GenAI, which are still in development. No prompt, no
answer and no key is ever recorded.
"""

from functools import lru_cache

import structlog
from django.conf import settings
from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from ai_gateway.accounting import Answered
from ai_gateway.effects import Candidate, PlannedCall

SCOPE = "winnow.ai_gateway"
_OPERATION = "chat"


def start_call_span(call: PlannedCall) -> Span | None:
    """Begin the span of a whole call, below the span that is current; None while all this is off."""
    if not settings.OPENTELEMETRY:
        return None
    names = structlog.contextvars.get_contextvars()
    return trace.get_tracer(SCOPE).start_span(
        f"winnow.call {call.operation}",
        attributes={
            "winnow.operation": call.operation,
            "winnow.company_id": call.company_id,
            "winnow.call_id": str(names.get("call_id", "")),
        },
    )


def end_call_span(span: Span | None, *, outcome: str, hold_id: str, charged_tokens: int) -> None:
    """End the span of a call with how it ended."""
    if span is None:
        return
    span.set_attributes({"winnow.outcome": outcome, "winnow.hold_id": hold_id, "winnow.charged_tokens": charged_tokens})
    span.end()


def start_attempt_span(call_span: Span | None, candidate: Candidate) -> Span | None:
    """Begin the span of one request to a provider. It is not made current: a life is not bound to one context."""
    if call_span is None:
        return None
    return trace.get_tracer(SCOPE).start_span(
        f"{_OPERATION} {candidate.route.model}",
        context=trace.set_span_in_context(call_span),
        kind=SpanKind.CLIENT,
        attributes=_request_attributes(candidate),
    )


def end_attempt_span(
    span: Span | None, candidate: Candidate, *, reply: Answered | None, error_code: str, seconds: float
) -> None:
    """End the span of a request with its answer or its error, and count duration and tokens."""
    if span is None:
        return
    facts: dict[str, str | int | list[str]] = {}
    if reply is not None:
        facts |= _response_attributes(reply)
    if error_code:
        facts["error.type"] = error_code
        span.set_status(Status(StatusCode.ERROR, error_code))
    span.set_attributes(facts)
    span.end()
    _measure(candidate, reply, error_code, seconds)


def _request_attributes(candidate: Candidate) -> dict[str, str | int]:
    return {
        "gen_ai.operation.name": _OPERATION,
        "gen_ai.provider.name": candidate.route.provider,
        "gen_ai.request.model": candidate.route.model,
    }


def _response_attributes(reply: Answered) -> dict[str, str | int | list[str]]:
    usage = reply.usage
    return {
        "gen_ai.response.model": reply.model,
        "gen_ai.response.id": reply.provider_request_id,
        "gen_ai.response.finish_reasons": [reply.finish_reason],
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
        "gen_ai.usage.cache_write.input_tokens": usage.cache_write_short + usage.cache_write_long,
        "gen_ai.usage.reasoning.output_tokens": usage.output_reasoning,
    }


def _measure(candidate: Candidate, reply: Answered | None, error_code: str, seconds: float) -> None:
    durations, tokens = _instruments()
    names = _request_attributes(candidate)
    durations.record(seconds, {**names, "error.type": error_code} if error_code else names)
    if reply is not None:
        tokens.record(reply.usage.input_tokens, {**names, "gen_ai.token.type": "input"})
        tokens.record(reply.usage.output_tokens, {**names, "gen_ai.token.type": "output"})


@lru_cache(maxsize=1)
def _instruments() -> tuple[Histogram, Histogram]:
    meter = metrics.get_meter(SCOPE)
    return (
        meter.create_histogram("gen_ai.client.operation.duration", unit="s", description="Duration of requests."),
        meter.create_histogram("gen_ai.client.token.usage", unit="{token}", description="Tokens of requests."),
    )
