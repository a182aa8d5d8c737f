"""A subscription that is not in force stops calls of every kind before anything is held or sent."""

import pytest

from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import AccessRefused
from ai_gateway.media_calls import Embedding, embed_ai
from ai_gateway.realtime import RealtimeSession, Verdict, meter_event
from ai_gateway.routing import Route
from tests.billing.factories import SubscriptionFactory
from tests.tokens.ledger import grant
from tokens.models import Hold
from tokens.services.holds import Attribution

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    company = SubscriptionFactory(status="deactivated").company
    grant(company, 100_000)
    yield company
    assert not Hold.objects.exists()


def complete(company):
    call_ai(Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?"))


def embed(company):
    route = Route("sandbox", "text-embedding-3-small")
    embed_ai(Embedding(company_id=company.pk, operation="scoring", route=route, texts=["Hello?"]))


@pytest.mark.parametrize("make", [complete, embed])
def test_a_call_is_refused(company, upstream, make):
    with pytest.raises(AccessRefused) as refusal:
        make(company)

    assert refusal.value.reason == "subscription_deactivated"
    assert refusal.value.message.startswith("The subscription is deactivated.")
    assert upstream.requests == []


def test_a_session_that_is_under_way_is_ended(company):
    route = Route("openai", "gpt-realtime")
    session = RealtimeSession(id="sess_1", company_id=company.pk, attribution=Attribution(), route=route)

    verdict = meter_event(session, {"type": "response.created", "response": {"id": "resp_1"}})

    assert verdict == Verdict(may_continue=False, reason="subscription_deactivated")
