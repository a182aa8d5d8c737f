"""What a call's life decides, played without a database or a provider."""

import json
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest

from ai_gateway.accounting import Tariff
from ai_gateway.effects import (
    Candidate,
    CloseHold,
    ExtendHold,
    Pause,
    PlaceHold,
    PlannedCall,
    Replayed,
    Send,
    StartAttempt,
)
from ai_gateway.errors import AccessRefused, CallFailed
from ai_gateway.life import live
from ai_gateway.planning import CallPlan
from ai_gateway.providers.errors import (
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from ai_gateway.providers.types import Usage
from ai_gateway.routing import Route
from tests.billing.factories import PriceVersionFactory
from tokens.errors import InsufficientTokens
from tokens.services.holds import Attribution, PlacedHold

HOLD = UUID(int=7)
TARIFF = Tariff(None, Decimal(25))


def plan(input_tokens=100, output=50, **options) -> CallPlan:
    return CallPlan(input_tokens, output, 20, TARIFF, **options)


def call(*candidates: Candidate, key: str | None = None) -> PlannedCall:
    chosen = candidates or (Candidate(Route("first", "a"), plan()),)
    return PlannedCall(company_id=1, operation="api", attribution=Attribution(), candidates=chosen, key=key)


def two() -> PlannedCall:
    return call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan()))


def reply(**usage):
    facts = {"model": "a", "service_tier": "", "provider_request_id": "", "finish_reason": "stop", "duration_ms": 1}
    return SimpleNamespace(usage=Usage(**usage), stored=lambda: {"text": "yes"}, **facts)


def held(life) -> Send:
    """Reserve what is asked for, and return the first request."""
    asked = next(life)
    assert isinstance(asked, PlaceHold)
    sent = life.send(PlacedHold(HOLD, asked.request.needed_tokens, is_replay=False))
    assert isinstance(sent, Send)
    return sent


def ended(life, outcome=None):
    with pytest.raises(StopIteration) as stop:
        life.send(outcome)
    return stop.value.value


def test_a_hold_and_each_attempt_say_where_the_estimate_of_their_cost_is_from():
    staffs = Tariff(PriceVersionFactory.build(kind="override"), Decimal(25))
    second = Candidate(Route("second", "b"), plan()._replace(tariff=staffs))
    life = live(call(Candidate(Route("first", "a"), plan()._replace(tariff=staffs)), second))
    asked = next(life).request
    life.send(PlacedHold(HOLD, asked.needed_tokens, is_replay=False))
    started = life.throw(ProviderQuotaSpent("spent", delivery="refused"))

    assert (asked.estimated_price_kind, asked.estimated_cost_usd > 0) == ("override", True)
    assert started.candidate.plan.estimate.kind == "override"


def test_an_answered_call_is_settled_with_what_was_used():
    life = live(call())
    assert held(life).output_limit == 50

    closing = life.send(reply(input_uncached=90, output=10)).closing

    assert (closing.state, closing.answer) == ("settled", None)
    assert ended(life).charged_tokens == 100


def test_the_answer_is_stored_only_for_a_key():
    life = live(call(key="k"))
    held(life)

    assert life.send(reply(output=10)).closing.answer == '{"answer": {"text": "yes", "charged_tokens": 10}}'


def test_a_known_key_is_answered_from_the_store():
    life = live(call(key="k"))
    next(life)

    assert ended(life, PlacedHold(HOLD, 0, is_replay=True)) == Replayed(HOLD)


def test_a_rough_bound_is_held_whole_or_counted():
    counts = []
    rough = plan(input_tokens=4_000, count_input=lambda: counts.append(1) or 900)
    life = live(call(Candidate(Route("first", "a"), rough)))

    first = next(life).request
    assert (first.needed_tokens, first.minimum_tokens, counts) == (4_050, 4_050, [])

    second = life.throw(InsufficientTokens(1_000, 4_050, 0)).request
    assert (second.needed_tokens, second.minimum_tokens, counts) == (950, 920, [1])
    assert life.send(PlacedHold(HOLD, 930, is_replay=False)).output_limit == 30


def test_too_few_tokens_are_a_refusal():
    life = live(call())
    next(life)

    with pytest.raises(AccessRefused) as refusal:
        life.throw(InsufficientTokens(7, 120, 0))
    assert (refusal.value.reason, refusal.value.needed_tokens, refusal.value.available_tokens) == (
        "insufficient_tokens",
        120,
        7,
    )


def test_an_attempt_is_written_before_it_is_sent_again():
    life = live(call())
    held(life)

    assert isinstance(life.throw(ProviderUnavailable("away", delivery="not_sent")), Pause)
    assert isinstance(life.send(None), StartAttempt)
    assert life.send(2).number == 2


def test_the_next_model_takes_over_where_another_try_is_of_no_use():
    second = Candidate(Route("second", "b"), plan(output=80))
    life = live(call(Candidate(Route("first", "a"), plan()), second))
    held(life)

    more = life.throw(ProviderQuotaSpent("spent", delivery="refused"))
    assert isinstance(more, ExtendHold)
    assert more.more_tokens == 30
    started = life.send(True)
    assert isinstance(started, StartAttempt)
    assert started.candidate == second
    sent = life.send(2)
    assert (sent.candidate, sent.output_limit) == (second, 80)


def test_the_next_model_writes_less_where_the_hold_cannot_grow():
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan(output=80))))
    held(life)
    life.throw(ProviderQuotaSpent("spent", delivery="refused"))

    life.send(False)

    assert life.send(2).output_limit == 50


def test_the_next_models_input_is_counted_where_its_rough_bound_is_too_much():
    rough = plan(input_tokens=4_000, output=80, count_input=lambda: 300)
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), rough)))
    held(life)  # 150

    asked = [life.throw(ProviderQuotaSpent("spent", delivery="refused")), life.send(False), life.send(False)]

    assert [extend.more_tokens for extend in asked] == [4_080 - 150, 380 - 150, 320 - 150]
    assert isinstance(life.send(True), StartAttempt)
    assert life.send(2).output_limit == 20


def test_a_model_that_the_hold_cannot_carry_is_passed_over():
    dear, last = Candidate(Route("second", "b"), plan(input_tokens=500)), Candidate(Route("third", "c"), plan())
    life = live(call(Candidate(Route("first", "a"), plan()), dear, last))
    held(life)
    life.throw(ProviderQuotaSpent("spent", delivery="refused"))

    assert [extend.more_tokens for extend in [life.send(False)]] == [520 - 150]
    assert life.send(False).candidate == last


@pytest.mark.parametrize("error", [ProviderQuotaSpent, ProviderKeyRejected, ProviderRateLimited, ProviderGarbledAnswer])
def test_a_call_may_say_for_which_failures_it_is_made_elsewhere(settings, error):
    settings.AI_MAX_ATTEMPTS = 1
    life = live(two()._replace(falls_back_on=(ProviderUnavailable,)))
    held(life)

    assert isinstance(life.throw(error("no", delivery="refused")), CloseHold)
    with pytest.raises(CallFailed):
        life.send(None)


def test_a_later_models_refusal_does_not_hide_why_the_first_was_left(settings):
    settings.AI_MAX_ATTEMPTS = 1
    life = live(two())
    held(life)
    life.throw(ProviderOverloaded("busy", delivery="refused"))
    life.send(2)
    life.throw(ProviderRejectedRequest("wrong", delivery="refused"))

    with pytest.raises(CallFailed) as failure:
        life.send(None)

    assert (failure.value.code, failure.value.retryable) == ("provider_overloaded", True)


def test_later_models_are_not_looked_at_while_the_first_answers():
    class Lazy(list):
        def __len__(self):
            raise AssertionError

        def __getitem__(self, position):
            assert position == 0
            return super().__getitem__(0)

        def __iter__(self):
            yield self[0]
            raise AssertionError

    life = live(call()._replace(candidates=Lazy(call().candidates)))
    held(life)
    life.send(reply(output=1))

    assert ended(life).charged_tokens == 1


def test_a_request_that_is_wrong_is_not_sent_elsewhere():
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan())))
    held(life)

    closing = life.throw(ProviderRejectedRequest("wrong", delivery="refused")).closing
    assert closing.state == "released"
    with pytest.raises(CallFailed):
        life.send(None)


def test_a_failure_that_is_charged_ends_the_call():
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan())))
    held(life)

    failure = ProviderUnavailable("cut", delivery="unknown", usage=Usage(output=12))
    assert life.throw(failure).closing.state == "settled"
    with pytest.raises(CallFailed) as failed:
        life.send(None)
    assert failed.value.charged_tokens == 12


def test_an_interrupted_call_ends_its_hold():
    life = live(call())
    held(life)

    closing = life.throw(KeyboardInterrupt())
    assert isinstance(closing, CloseHold)
    assert closing.closing.state == "released"
    assert [log["status"] for log in json.loads(closing.closing.logs)] == ["unknown"]
    with pytest.raises(KeyboardInterrupt):
        life.send(None)


def test_answers_are_kept_as_long_as_the_policy_says(settings):
    settings.AI_ANSWER_DAYS = 3
    life = live(call(key="k"))
    held(life)

    assert life.send(reply(output=10)).closing.answer_days == 3


@pytest.mark.parametrize(("own", "days"), [(None, 3), (1, 1), (90, 90)])
def test_a_companys_own_days_go_before_the_policys_for_failures_that_are_charged_too(settings, own, days):
    settings.AI_ANSWER_DAYS = 3
    answering, failing = (live(call(key="k")._replace(answer_days=own)) for _ in range(2))
    held(answering), held(failing)
    lost = ProviderGarbledAnswer("lost", delivery="answered", usage=Usage(output=1))

    assert answering.send(reply(output=10)).closing.answer_days == days
    assert failing.throw(lost).closing.answer_days == days


def test_a_hold_lives_as_long_as_its_operation_may_take(settings):
    settings.AI_TIMEOUT_SECONDS = {"api": 300}

    assert next(live(call())).request.lease_seconds == 360


def test_nothing_is_tried_again_once_an_answer_was_begun_to_be_passed_on():
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan())))
    held(life)

    assert life.throw(ProviderUnavailable("cut", delivery="unknown", has_begun=True)).closing.state == "released"
    with pytest.raises(CallFailed):
        life.send(None)
