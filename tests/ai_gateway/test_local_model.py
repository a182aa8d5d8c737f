"""Calls to a real model, small as it is: llama.cpp's server beside the tests."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import CallFailed
from ai_gateway.local_model import MODEL
from ai_gateway.providers.types import JsonSchema
from billing.models import Plan, Subscription
from tests.ai_gateway.local_model import needs_local_model, serve_local_model
from tests.tokens.ledger import new_company
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger

pytestmark = [pytest.mark.django_db, pytest.mark.slow, needs_local_model]


@pytest.fixture(scope="module")
def model_url(tmp_path_factory) -> Iterator[str]:
    with serve_local_model(tmp_path_factory.mktemp("model")) as url:
        yield url


@pytest.fixture
def company(model_url, settings):
    settings.AI_PROVIDERS = {"local": {"kind": "compatible", "base_url": model_url, "api_key": "local"}}
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, f"local/{MODEL}")
    company, now = new_company(tokens=100_000), timezone.now()
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=now,
        period_ends_at=now + timedelta(days=1),
    )
    return company


def ask(company, user: str, **options):
    return call_ai(Call(company_id=company.pk, operation="decision", system="Be brief.", user=user, **options))


def assert_books_say(company, charged: int) -> None:
    assert get_balance(company.pk).available_tokens == 100_000 - charged
    assert not Hold.objects.filter(state="open").exists()
    assert [result for result in audit_ledger() if not result.holds] == []


def test_a_real_model_s_own_count_is_charged(company):
    answer = ask(company, "Name one colour.")

    log = UsageLog.objects.get()
    assert answer.text
    assert (log.usage_source, log.price_kind, log.response_model) == ("provider", "free", MODEL)
    assert min(log.input_tokens, log.output_tokens) > 0
    assert answer.charged_tokens == log.input_tokens + log.output_tokens
    assert_books_say(company, answer.charged_tokens)


def test_a_real_model_s_input_stays_within_the_bound_of_its_hold(company):
    texts = [
        "Größe: 183 cm, Gewicht 74,5 kg; E-Mail: a.b@c.de",
        "数据科学家，具有九年经验。",
        "x1 != y2 && z3\t\n" * 20,
    ]
    for text in texts:
        ask(company, text)

    for hold, log in zip(Hold.objects.order_by("placed_at"), UsageLog.objects.order_by("started_at"), strict=True):
        assert log.charged_tokens <= hold.needed_tokens


def test_a_real_model_keeps_to_a_schema(company):
    schema = {
        "type": "object",
        "properties": {"fits": {"type": "boolean"}, "score": {"type": "integer"}},
        "required": ["fits", "score"],
        "additionalProperties": False,
    }

    answer = ask(company, "Does a gardener fit a job as a gardener?", json_schema=JsonSchema("verdict", schema))

    assert set(json.loads(answer.text)) == {"fits", "score"}
    assert_books_say(company, answer.charged_tokens)


def test_a_prompt_beyond_the_context_is_refused_and_costs_nothing(company):
    with pytest.raises(CallFailed) as failed:
        ask(company, "word " * 12_000)

    assert (failed.value.code, failed.value.retryable) == ("provider_rejected_request", False)
    assert UsageLog.objects.get().charged_tokens == 0
    assert_books_say(company, 0)
