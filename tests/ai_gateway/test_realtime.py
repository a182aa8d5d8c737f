"""Realtime sessions: what their events say is charged, each once, in whatever order they come."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from django.utils import timezone

from ai_gateway.realtime import RealtimeSession, Verdict, meter_event
from ai_gateway.routing import Route
from billing.models import Plan, Subscription
from tests.tokens.ledger import end_lease, new_company
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.holds import Attribution

pytestmark = pytest.mark.django_db

CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
USAGE = {
    "total_tokens": 900,
    "input_tokens": 700,
    "output_tokens": 200,
    "input_token_details": {
        "text_tokens": 300,
        "audio_tokens": 400,
        "cached_tokens": 128,
        "cached_tokens_details": {"text_tokens": 128, "audio_tokens": 0},
    },
    "output_token_details": {"text_tokens": 40, "audio_tokens": 160},
}
DONE = {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "usage": USAGE}}
HEARD = {
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "transcript": "I led a team of four.",
    "usage": {
        "type": "tokens",
        "total_tokens": 60,
        "input_tokens": 50,
        "output_tokens": 10,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 50},
    },
}


@pytest.fixture(autouse=True)
def books_in_order():
    yield
    assert [result for result in audit_ledger() if not result.holds] == []


def interview(*, tokens: int = 100_000, **options) -> RealtimeSession:
    company, now = new_company(tokens=tokens), timezone.now()
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=now - timedelta(days=2),
        period_ends_at=options.pop("ends_at", now + timedelta(days=1)),
    )
    route = Route("openai", "gpt-realtime")
    return RealtimeSession(id="sess_1", company_id=company.pk, attribution=Attribution(), route=route, **options)


def available(session: RealtimeSession) -> int:
    return get_balance(session.company_id).available_tokens


def test_a_response_is_held_for_when_it_begins_and_charged_when_it_is_done():
    session = interview()

    assert meter_event(session, CREATED) == Verdict()
    assert available(session) < 100_000 - session.context_tokens

    assert meter_event(session, DONE) == Verdict(charged_tokens=900)
    assert available(session) == 99_100
    log = UsageLog.objects.get()
    assert (log.operation, log.input_audio_tokens, log.output_audio_tokens, log.cache_read_tokens) == (
        "video_interview",
        400,
        160,
        128,
    )
    assert (log.media_seconds, log.provider_request_id) == (Decimal(8), "resp_1")


@pytest.mark.parametrize("order", sorted(set(permutations("CDDH"))), ids="".join)
def test_events_may_come_twice_and_in_any_order(order):
    session = interview()

    for name in order:
        meter_event(session, {"C": CREATED, "D": DONE, "H": HEARD}[name])

    assert available(session) == 100_000 - 900 - 60
    assert sorted(UsageLog.objects.values_list("charged_tokens", flat=True)) == [60, 900]
    assert not Hold.objects.filter(state="open").exists()


def test_ids_that_read_alike_put_together_are_of_different_events():
    session = interview()

    for session_id, response_id in [("a", "b/c"), ("a/b", "c"), ("a", "b/c")]:
        done = {**DONE, "response": {**DONE["response"], "id": response_id}}
        meter_event(replace(session, id=session_id), done)

    assert available(session) == 100_000 - 2 * 900


def test_a_done_that_comes_after_the_lease_is_charged_to_its_hold():
    session = interview()
    meter_event(session, CREATED)
    end_lease(Hold.objects.get().pk)
    upkeep.expire_holds()

    meter_event(session, DONE)

    assert Hold.objects.get().state == "settled"
    assert available(session) == 99_100


def test_without_tokens_the_session_is_to_end_and_what_was_used_is_still_booked():
    session = interview(tokens=10)

    assert meter_event(session, CREATED) == Verdict(may_continue=False, reason="insufficient_tokens")
    assert meter_event(session, DONE).charged_tokens == 900
    assert UsageLog.objects.get().debt_tokens == 890


def test_without_a_subscription_no_response_may_begin():
    session = interview(ends_at=timezone.now() - timedelta(hours=1))

    assert meter_event(session, CREATED) == Verdict(may_continue=False, reason="subscription_expired")
    assert not Hold.objects.exists()


def test_a_response_without_a_count_is_written_down_as_unknown_and_not_charged():
    session = interview()
    meter_event(session, CREATED)

    meter_event(session, {"type": "response.done", "response": {"id": "resp_1", "status": "failed", "usage": None}})

    assert UsageLog.objects.get().status == "unknown"
    assert available(session) == 100_000


def test_other_events_are_passed_over():
    session = interview()

    assert meter_event(session, {"type": "response.audio.delta", "delta": "AAAA"}) == Verdict()
    assert not Hold.objects.exists()


def test_on_the_companys_own_key_nothing_is_charged_and_no_price_is_needed():
    session = replace(interview(tokens=10, key_owner="company"), route=Route("openai", "gpt-realtime-unpriced"))

    assert [meter_event(session, event) for event in (CREATED, DONE, DONE, HEARD)] == [Verdict()] * 4

    assert available(session) == 10
    logs = UsageLog.objects.values_list("key_owner", "charged_tokens", "provider_cost_usd", "own_key_tokens")
    assert sorted(logs) == [("company", 0, 0, 60), ("company", 0, 0, 900)]


def test_on_the_companys_own_key_a_subscription_is_needed_all_the_same():
    session = interview(ends_at=timezone.now() - timedelta(hours=1), key_owner="company")

    assert meter_event(session, CREATED).reason == "subscription_expired"


def test_a_response_stays_on_the_key_that_it_began_on():
    session = interview(key_owner="company")
    meter_event(session, CREATED)

    assert meter_event(replace(session, key_owner="platform"), DONE) == Verdict()
    assert available(session) == 100_000
