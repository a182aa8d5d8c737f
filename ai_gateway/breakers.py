"""Circuit breakers: stop asking a provider that is down, and find out cheaply when it is back.

One breaker per provider and process, on the monotonic clock. Nothing is shared between processes: each finds out for
itself after a handful of calls, and no lock or table lies on a call's way.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from ai_gateway.providers.errors import (
    ProviderError,
    ProviderGarbledAnswer,
    ProviderOverloaded,
    ProviderTimeout,
    ProviderUnavailable,
)

BreakerState = Literal["closed", "open", "half_open"]
Clock = Callable[[], float]
_OF_ITS_HEALTH = (ProviderUnavailable, ProviderTimeout, ProviderOverloaded)


@dataclass(frozen=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens, and for how long: the first pause doubles with each trial that fails, up to the longest."""

    failures: int
    pause_seconds: float
    longest_pause_seconds: float


@dataclass(frozen=True, kw_only=True)
class BreakerStatus:
    """One breaker at a moment; ``retry_in_seconds`` is 0 when a request may go now."""

    provider: str
    state: BreakerState
    failures: int
    retry_in_seconds: float


class Breaker:
    """Whether a provider may be asked.

    Closed: always. Open, after so many failures on end: not before the pause is over. Half open: one request a pause,
    and its outcome closes the breaker or makes the pause longer. A trial that nobody reports on costs one pause.
    """

    def __init__(self, policy: BreakerPolicy, clock: Clock = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._state: BreakerState = "closed"
        self._failures = 0
        self._pause = policy.pause_seconds
        self._retry_at = 0.0

    def allows(self) -> bool:
        """Return whether ``admit`` would let a request through now; takes nothing."""
        return self._state == "closed" or self._clock() >= self._retry_at

    def admit(self) -> bool:
        """Let a request through, or not; the caller reports its outcome."""
        with self._lock:
            if self._state == "closed":
                return True
            now = self._clock()
            if now < self._retry_at:
                return False
            self._state, self._retry_at = "half_open", now + self._pause
            return True

    def succeed(self) -> None:
        """Note that the provider answered, be it with a refusal of the request."""
        if self._state == "closed" and not self._failures:
            return  # the usual case takes no lock
        with self._lock:
            self._state, self._failures, self._pause = "closed", 0, self._policy.pause_seconds

    def fail(self) -> None:
        """Note a failure that speaks of the provider's health."""
        with self._lock:
            self._failures += 1
            if self._state == "closed" and self._failures >= self._policy.failures:
                self._open()
            elif self._state == "half_open":
                self._pause = min(2 * self._pause, self._policy.longest_pause_seconds)
                self._open()

    @property
    def state(self) -> BreakerState:
        """Where it stands."""
        return self._state

    def describe(self, provider: str) -> BreakerStatus:
        """Return what staff and metrics show."""
        with self._lock:
            wait = 0.0 if self._state == "closed" else max(0.0, self._retry_at - self._clock())
            return BreakerStatus(provider=provider, state=self._state, failures=self._failures, retry_in_seconds=wait)

    def _open(self) -> None:
        self._state, self._retry_at = "open", self._clock() + self._pause


def judge_health(breaker: Breaker, error: ProviderError) -> None:
    """Tell a breaker what a failure says: a provider that refuses a request is well, and garbage says nothing."""
    if isinstance(error, _OF_ITS_HEALTH):
        breaker.fail()
    elif error.delivery != "not_sent" and not isinstance(error, ProviderGarbledAnswer):
        breaker.succeed()


_breakers: dict[str, Breaker] = {}


def get_breaker(provider: str) -> Breaker:
    """Return this process's breaker of a provider."""
    found = _breakers.get(provider)
    return found or _breakers.setdefault(provider, Breaker(_policy()))  # setdefault: two threads get the same


def list_breakers() -> list[BreakerStatus]:
    """Describe the breakers of all providers that this process has asked, by name."""
    return [breaker.describe(provider) for provider, breaker in sorted(_breakers.items())]


def forget_breakers() -> None:
    """Begin anew, with every breaker closed."""
    _breakers.clear()


def _policy() -> BreakerPolicy:
    return BreakerPolicy(
        failures=settings.AI_BREAKER_FAILURES,
        pause_seconds=settings.AI_BREAKER_PAUSE_SECONDS,
        longest_pause_seconds=settings.AI_BREAKER_LONGEST_PAUSE_SECONDS,
    )
