"""What a call's life decides where providers are known to be down, played without a database or a provider."""

import pytest

from ai_gateway.breakers import get_breaker
from ai_gateway.effects import Pause, StartAttempt
from ai_gateway.errors import AccessRefused, CallFailed
from ai_gateway.life import live
from ai_gateway.providers.errors import (
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.routing import Route
from tests.ai_gateway.test_life import HOLD, call, held, reply, two
from tokens.errors import InsufficientTokens
from tokens.services.holds import PlacedHold


def break_down(provider: str, settings) -> None:
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker(provider).fail()


def test_a_provider_that_is_down_is_passed_over_before_anything_is_held(settings):
    break_down("first", settings)

    asked = next(live(two())).request

    assert (asked.provider, asked.model) == ("second", "b")


def test_when_all_are_down_nothing_is_held(settings):
    break_down("first", settings)
    break_down("second", settings)

    with pytest.raises(CallFailed) as failure:
        next(live(two()))

    assert (failure.value.code, failure.value.retryable, failure.value.hold_id) == ("provider_circuit_open", True, None)


@pytest.mark.parametrize("error", [ProviderUnavailable, ProviderTimeout, ProviderOverloaded])
def test_failures_that_speak_of_its_health_take_a_provider_out(settings, error):
    settings.AI_BREAKER_FAILURES = 2
    life = live(two())
    held(life)
    assert isinstance(life.throw(error("bad", delivery="refused")), Pause)
    life.send(None)
    life.send(2)

    started = life.throw(error("bad", delivery="refused"))  # no third try: the second failure opened the breaker

    assert started.candidate.route == Route("second", "b")
    assert not get_breaker("first").allows()


@pytest.mark.parametrize(
    "error", [ProviderRejectedRequest, ProviderQuotaSpent, ProviderKeyRejected, ProviderRateLimited]
)
def test_a_provider_that_refuses_a_request_is_well(settings, error):
    settings.AI_BREAKER_FAILURES = 2
    get_breaker("first").fail()
    life = live(call())
    held(life)

    life.throw(error("no", delivery="refused"))
    get_breaker("first").fail()

    assert get_breaker("first").allows()


def test_garbage_says_nothing_of_a_providers_health(settings):
    settings.AI_BREAKER_FAILURES = 2
    get_breaker("first").fail()
    life = live(call())
    held(life)

    life.throw(ProviderGarbledAnswer("?", delivery="unknown"))
    get_breaker("first").fail()

    assert not get_breaker("first").allows()


def test_a_breaker_that_opens_between_hold_and_request_sends_the_call_elsewhere(settings):
    life = live(two())
    asked = next(life)
    break_down("first", settings)

    started = life.send(PlacedHold(HOLD, asked.request.needed_tokens, is_replay=False))

    assert isinstance(started, StartAttempt)
    assert started.candidate.route.provider == "second"


def test_a_refused_hold_does_not_use_up_the_trial(settings):
    settings.AI_BREAKER_PAUSE_SECONDS = 0.0
    break_down("first", settings)
    life = live(call())
    next(life)

    with pytest.raises(AccessRefused):
        life.throw(InsufficientTokens(0, 120, 0))

    assert get_breaker("first").describe("first").state == "open"


def test_an_answer_brings_a_provider_back(settings):
    settings.AI_BREAKER_PAUSE_SECONDS = 0.0
    break_down("first", settings)
    life = live(call())
    held(life)
    assert get_breaker("first").describe("first").state == "half_open"

    life.send(reply(output=1))

    assert get_breaker("first").describe("first").state == "closed"
