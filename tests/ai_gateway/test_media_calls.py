"""Embeddings and transcriptions are metered like every call."""

from datetime import timedelta
from decimal import Decimal
from math import ceil

import pytest
from django.utils import timezone

from ai_gateway.errors import AccessRefused, CallFailed
from ai_gateway.media_calls import Embedding, Transcription, embed_ai, transcribe_ai
from ai_gateway.routing import Route
from billing.models import Plan, Subscription
from tests.tokens.ledger import new_company
from tokens.errors import KeyInUse
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_in_order():
    yield
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open").exists()


def new_subscriber(tokens: int = 100_000):
    company, now = new_company(tokens=tokens), timezone.now()
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=now - timedelta(days=1),
        period_ends_at=now + timedelta(days=1),
    )
    return company


def speech(company, model: str, **options) -> Transcription:
    return Transcription(
        **{
            "route": Route("sandbox", model),
            "audio": b"RIFF" + bytes(32_000),
            "filename": "answer.wav",
            "seconds": Decimal("12.5"),
            "company_id": company.pk,
            **options,
        }
    )


def texts(company, *texts: str, **options) -> Embedding:
    options = {"operation": "scoring", "company_id": company.pk, **options}
    return Embedding(route=Route("sandbox", "text-embedding-3-small"), texts=texts, **options)


def test_an_embedding_is_charged_its_input(upstream):
    company = new_subscriber()

    answer = embed_ai(texts(company, "nine years of Python", "led a team"))

    log = UsageLog.objects.get()
    [request] = upstream.requests
    assert len(answer.content) == 2
    assert answer.charged_tokens == log.charged_tokens == request["reported"]["input"] > 0
    assert (log.output_tokens, log.item_count) == (0, 2)
    assert get_balance(company.pk).available_tokens == 100_000 - answer.charged_tokens


def test_speech_that_is_billed_by_tokens_is_charged_its_tokens(upstream):
    company = new_subscriber()

    answer = transcribe_ai(speech(company, "gpt-transcribe"))

    log = UsageLog.objects.get()
    assert answer.content
    assert log.charged_tokens == log.input_tokens + log.output_tokens > 0
    assert (log.operation, log.media_seconds) == ("transcription", Decimal("12.5"))


def test_speech_that_is_billed_by_duration_is_charged_the_operation_s_rate(upstream):
    company = new_subscriber()

    answer = transcribe_ai(speech(company, "whisper-1"))

    log = UsageLog.objects.get()
    [request] = upstream.requests
    assert (log.input_tokens, log.output_tokens) == (0, 0)
    assert log.media_seconds == round(Decimal(str(request["media_seconds"])), 3)
    assert answer.charged_tokens == log.charged_tokens == ceil(request["media_seconds"] * 10) > 0
    assert get_balance(company.pk).available_tokens == 100_000 - answer.charged_tokens


def test_too_few_tokens_are_refused_before_anything_is_sent(upstream):
    with pytest.raises(AccessRefused):
        transcribe_ai(speech(new_subscriber(tokens=20), "whisper-1"))

    assert upstream.requests == []


def test_a_repeat_is_answered_from_the_store(upstream):
    company = new_subscriber()
    first = embed_ai(texts(company, "a", idempotency_key="k"))

    again = embed_ai(texts(company, "a", idempotency_key="k"))

    assert (again.replayed, again.charged_tokens, UsageLog.objects.count()) == (True, first.charged_tokens, 1)
    assert [list(vector) for vector in first.content] == again.content
    with pytest.raises(KeyInUse):
        embed_ai(texts(company, "b", idempotency_key="k"))


def test_a_provider_that_refuses_costs_nothing(upstream, monkeypatch):
    company = new_subscriber()
    upstream.misbehave("quota")

    with pytest.raises(CallFailed):
        embed_ai(texts(company, "a"))

    assert get_balance(company.pk).available_tokens == 100_000
