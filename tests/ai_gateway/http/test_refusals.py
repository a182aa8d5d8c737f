"""Who may call and what for, and what a refusal looks like."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anthropic
import openai
import pytest

from billing.models import Subscription
from tenants.models import ApiKey, KeyScope
from tests.ai_gateway.http.conftest import HELLO, make_key, subscribe
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens import directory
from tokens.models import BudgetPeriod, BudgetScope, Hold
from tokens.services.async_connections import NoConnection
from tokens.services.async_ledger import AsyncLedger
from tokens.services.budgets import create_budget


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/chat/completions", b"{", 400, "invalid_json"),
        ("/v1/chat/completions", b"[]", 400, "invalid_json"),
        ("/v1/chat/completions", b'{"messages": []}', 400, "missing_required_parameter"),
        ("/v1/messages", b'{"model": "claude-haiku-5-5"}', 400, "missing_required_parameter"),
        ("/v1/messages", b"\xff", 400, "invalid_json"),
        ("/v1/chat/completions", json.dumps({**HELLO, "model": "no-such"}).encode(), 404, "model_not_found"),
        ("/v1/chat/completions", json.dumps({**HELLO, "model": "openai/gpt-6-luna"}).encode(), 404, "model_not_found"),
        ("/v1/nothing", b"{}", 404, "unknown_url"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_held(http, books, path, body, status, code):
    response = http.post(path, content=body)

    error = response.json()["error"]
    assert (response.status_code, error.get("code") or error["details"]["error_code"]) == (status, code)
    assert books.close().requests == []
    assert Hold.objects.count() == 0


def test_another_method_is_refused(http):
    response = http.get("/v1/chat/completions")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_body_that_is_too_large_is_refused(http, monkeypatch):
    monkeypatch.setattr("ai_gateway.http.requests.LARGEST_BODY_BYTES", 1000)

    assert http.post("/v1/chat/completions", content=b"x" * 2000).status_code == 413

    def parts():
        yield b"x" * 900
        yield b"x" * 900

    assert http.post("/v1/chat/completions", content=parts()).status_code == 413


def test_keys_that_may_not_are_told_so_by_both_sdks(gateway, company, books):
    key, old = make_key(company)
    ApiKey.objects.filter(pk=key.pk).update(
        created_at=datetime.now(UTC) - timedelta(days=2), expires_at=datetime.now(UTC) - timedelta(days=1)
    )
    narrow = make_key(company, allowed_models=["gpt-*"])[1]
    listing = make_key(company, scopes=[KeyScope.MODELS])[1]

    def ask(secret: str):
        with openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as client:
            client.chat.completions.create(**HELLO)

    for secret, error, code in (
        ("wnw_wrong", openai.AuthenticationError, "invalid_api_key"),
        (old, openai.AuthenticationError, "expired_api_key"),
        (narrow, openai.PermissionDeniedError, "model_not_allowed"),
        (listing, openai.PermissionDeniedError, "scope_missing"),
    ):
        with pytest.raises(error) as refusal:
            ask(secret)
        assert refusal.value.code == code
    with (
        anthropic.Anthropic(api_key="wnw_wrong", base_url=gateway.root_url, max_retries=0) as claude,
        pytest.raises(anthropic.AuthenticationError),
    ):
        claude.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=HELLO["messages"])
    assert books.close().requests == []


def test_a_key_that_asks_too_often_is_told_when_to_come_back(gateway, company, books):
    hasty = make_key(company, requests_per_minute=1)[1]
    with openai.OpenAI(api_key=hasty, base_url=f"{gateway.root_url}/v1", max_retries=0) as client:
        client.chat.completions.create(**HELLO)
        with pytest.raises(openai.RateLimitError) as refusal:
            client.chat.completions.create(**HELLO)

    assert refusal.value.code == "rate_limit_exceeded"
    assert 0 < int(refusal.value.response.headers["retry-after"]) <= 60
    assert len(books.close().logs) == 1


def test_no_key_is_refused(http):
    assert http.post("/v1/messages", json={}, headers={"Authorization": ""}).status_code == 401


def test_too_few_tokens_are_a_402_with_the_numbers(gateway, books):
    poor = subscribe(new_company(tokens=20, slug="poor"))
    secret = make_key(poor)[1]
    with (
        openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=2) as client,
        pytest.raises(openai.APIStatusError) as refusal,
    ):
        client.chat.completions.create(**HELLO)

    assert (refusal.value.status_code, refusal.value.code) == (402, "insufficient_tokens")
    assert refusal.value.body["details"] == {
        "success": False,
        "error_code": "insufficient_tokens",
        "needed_tokens": refusal.value.body["details"]["needed_tokens"],
        "available_tokens": 20,
        "tokens_remaining": 20,
        "original_tokens": 20,
        "consumed_tokens": 0,
        "days_remaining": 1,
    }
    assert books.close().requests == []


def test_a_budget_of_the_key_stops_its_calls(company, key, client, books):
    create_budget(
        company_id=company.pk,
        scope=BudgetScope.KEY,
        scope_id=str(key[0].pk),
        period=BudgetPeriod.DAY,
        limit_tokens=10,
    )

    with pytest.raises(openai.APIStatusError) as refusal:
        client.chat.completions.create(**HELLO)

    assert (refusal.value.status_code, refusal.value.code) == (402, "budget_exceeded")
    assert books.close().requests == []


def test_a_subscription_that_ended_is_a_402(client, claude, company, books):
    Subscription.objects.update(period_ends_at=datetime.now(UTC) - timedelta(hours=1))

    with pytest.raises(openai.APIStatusError) as refusal:
        client.chat.completions.create(**HELLO)
    with pytest.raises(anthropic.APIStatusError) as other:
        claude.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=HELLO["messages"])

    assert (refusal.value.status_code, refusal.value.code) == (402, "subscription_expired")
    assert (other.value.status_code, other.value.body["error"]["details"]["error_code"]) == (
        402,
        "subscription_expired",
    )
    assert books.close().requests == []


def test_what_belongs_to_another_company_is_refused(http, company, books, monkeypatch):
    other = new_company(slug="other")
    monkeypatch.setattr(directory, "_owner_finders", {"application": lambda _id: other.pk})
    stranger = MembershipFactory(company=other).user

    for headers, code in (
        ({"X-Winnow-Application-Id": str(uuid4())}, "unknown_application"),
        ({"X-Winnow-Job-Id": str(uuid4())}, "unknown_job"),
        ({"X-Winnow-User-Id": str(stranger.pk)}, "unknown_user"),
        ({"X-Winnow-Trace-Id": "no uuid"}, "invalid_metadata"),
    ):
        response = http.post("/v1/chat/completions", json=HELLO, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert books.close().requests == []


def test_the_ledger_away_is_a_503_and_nothing_is_sent(http, upstream, monkeypatch):
    http.post("/v1/chat/completions", json=HELLO)
    sent = len(upstream.requests)

    async def find_no_connection(_ledger, _movement):
        raise NoConnection

    monkeypatch.setattr(AsyncLedger, "_execute", find_no_connection)

    response = http.post("/v1/chat/completions", json=HELLO)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "ledger_away")
    assert len(upstream.requests) == sent


def test_a_model_without_a_price_is_refused(http, upstream, books, settings):
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "first": settings.AI_PROVIDERS["sandbox"]}

    response = http.post("/v1/chat/completions", json={**HELLO, "model": "first/gpt-6-luna"})

    assert (response.status_code, response.json()["error"]["code"]) == (403, "model_not_priced")
    assert books.close().requests == []


def test_a_beta_that_could_not_be_metered_is_refused(http):
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": HELLO["messages"]}
    refused = http.post("/v1/messages", json=body, headers={"anthropic-beta": "files-api-2025-04-14"})
    passed = http.post("/v1/messages", json=body, headers={"anthropic-beta": "interleaved-thinking-2025-05-14"})

    assert (refused.status_code, passed.status_code) == (400, 200)


def test_the_provider_s_key_is_nowhere_in_an_error(http, upstream):
    upstream.misbehave("status", status=400, message=f"Incorrect key {upstream.key} given")

    response = http.post("/v1/chat/completions", json=HELLO)

    assert response.status_code == 400
    assert upstream.key not in response.text
    assert "Incorrect" in response.json()["error"]["message"]
