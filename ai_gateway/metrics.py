"""What Prometheus is told of calls. Labels come from settings and code, never from what a caller writes.

With ``PROMETHEUS_MULTIPROC_DIR`` set, all processes that share the folder are added up (docs/operations.md); without,
each process knows its own.
"""

from functools import cache
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ai_gateway.breakers import BreakerState

REGISTRY = CollectorRegistry()
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)

CALLS = Counter(
    "winnow_ai_calls",
    "Calls by how they ended; the provider is the last one asked.",
    ("operation", "provider", "outcome"),
    registry=REGISTRY,
)
CALL_SECONDS = Histogram(
    "winnow_ai_call_seconds",
    "From a call's plan to its end, holds and pauses included.",
    ("operation", "provider"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
ATTEMPTS = Counter(
    "winnow_ai_attempts", "Requests to providers by how they ended.", ("provider", "outcome"), registry=REGISTRY
)
ATTEMPT_SECONDS = Histogram(
    "winnow_ai_attempt_seconds", "From request to whole answer.", ("provider",), buckets=_SECONDS, registry=REGISTRY
)
TOKENS = Counter(
    "winnow_ai_tokens",
    "Provider tokens of answers, as the provider counts them.",
    ("operation", "provider", "direction"),
    registry=REGISTRY,
)
CHARGED_TOKENS = Counter(
    "winnow_ai_charged_tokens", "Tokens that calls took from balances.", ("operation",), registry=REGISTRY
)
BREAKER_STATE = Gauge(
    "winnow_ai_breaker_state",
    "0 closed, 1 half open, 2 open; of several processes the worst.",
    ("provider",),
    multiprocess_mode="livemax",
    registry=REGISTRY,
)
Metric = TypeVar("Metric", Counter, Gauge, Histogram)
_STATES: dict[BreakerState, int] = {"closed": 0, "half_open": 1, "open": 2}


@cache
def labelled(metric: Metric, *labels: str) -> Metric:
    """Return the one of a metric's series that has these labels: its own look-up takes a lock each time."""
    return metric.labels(*labels)


def show_breaker(provider: str, state: BreakerState) -> None:
    """Show the state of this process's breaker of a provider."""
    labelled(BREAKER_STATE, provider).set(_STATES[state])
