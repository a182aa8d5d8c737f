"""Who may call, what for, what a refusal looks like, and what a repeat gets."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import anthropic
import httpx2
import openai
import pytest
from django.db import connection
from psycopg_pool import PoolTimeout

from billing.models import Subscription
from tenants.models import ApiKey, KeyScope
from tests.ai_gateway.http.conftest import make_key, subscribe
from tests.ai_gateway.http.server import serve_gateway
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens import directory
from tokens.models import Answer, BudgetPeriod, BudgetScope, Hold, UsageLog
from tokens.selectors import get_balance
from tokens.services.async_ledger import AsyncLedger
from tokens.services.budgets import create_budget

HELLO = {"model": "sandbox-rules-1", "messages": [{"role": "user", "content": "Hello?"}]}


def test_an_answer_says_what_it_took(http, company, books):
    response = http.post("/v1/chat/completions", json=HELLO)

    assert response.status_code == 200
    [log] = books.close().logs
    assert response.headers["x-winnow-call-id"] == str(log.hold_id)
    assert response.headers["x-winnow-tokens-charged"] == str(log.charged_tokens)
    assert response.headers["x-winnow-balance"] == str(1_000_000 - log.charged_tokens)
    assert get_balance(company.pk).available_tokens == 1_000_000 - log.charged_tokens


def test_an_embedding_is_charged_for_its_input(client, books):
    answer = client.embeddings.create(model="sandbox-rules-1", input=["one text", "another"])

    assert len(answer.data) == 2
    [log] = books.close().logs
    assert (log.charged_tokens, log.output_tokens) == (answer.usage.total_tokens, 0)


def test_tools_and_schemas_reach_the_provider(client, books):
    schema = {
        "type": "object",
        "properties": {"fits": {"type": "boolean"}},
        "required": ["fits"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        **HELLO,
        tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}],
        response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}},
    )

    assert set(json.loads(answer.choices[0].message.content)) == {"fits"}
    assert books.close().requests[0]["schema_name"] == "verdict"


def test_a_stream_is_passed_on_without_the_usage_that_nobody_asked_for(client, books):
    with client.chat.completions.create(**HELLO, stream=True) as parts:
        unasked = [part.usage for part in parts]
    with client.chat.completions.create(**HELLO, stream=True, stream_options={"include_usage": True}) as parts:
        asked = [part.usage for part in parts]

    assert not any(unasked)
    [_first, log] = books.close().logs
    assert asked[-1].total_tokens == log.charged_tokens


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


def test_what_is_not_the_gateway_s_goes_to_the_site(http):
    assert http.get("/pages").text == "site"


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


def test_a_tight_balance_shrinks_the_output_limit(gateway, books):
    poor = subscribe(new_company(tokens=60, slug="poor"))
    secret = make_key(poor)[1]
    with httpx2.Client(base_url=gateway.root_url, trust_env=False) as http:
        response = http.post("/v1/chat/completions", json=HELLO, headers={"x-api-key": secret})

    assert response.status_code == 200
    limit = int(response.headers["x-winnow-output-limit"])
    assert 16 <= limit < 60
    assert books.close().requests[0]["max_tokens"] == limit


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


def test_a_call_is_attributed_by_headers_and_metadata(http, company, books, monkeypatch):
    application, job, trace = uuid4(), uuid4(), uuid4()
    owners = {"application": lambda _id: company.pk, "job": lambda _id: company.pk}
    monkeypatch.setattr(directory, "_owner_finders", owners)
    user = MembershipFactory(company=company).user

    headers = {
        "X-Winnow-Application-Id": str(application),
        "X-Winnow-User-Id": str(user.pk),
        "X-Winnow-Feature": "chat",
    }
    metadata = {"winnow_job_id": str(job), "winnow_trace_id": str(trace), "winnow_session_id": "s-1", "mine": "kept"}
    response = http.post("/v1/chat/completions", json={**HELLO, "metadata": metadata}, headers=headers)

    assert response.status_code == 200, response.text
    [log] = books.close().logs
    assert (log.application_id, log.job_id, log.user_id) == (application, job, user.pk)
    assert (log.trace_id, log.session_id, log.feature, log.operation) == (trace, "s-1", "chat", "api")


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


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeat_gets_the_same_bytes_and_is_not_charged(http, books, stream):
    asked = {"json": {**HELLO, "stream": stream}, "headers": {"Idempotency-Key": "k"}}
    first = http.post("/v1/chat/completions", **asked)
    again = http.post("/v1/chat/completions", **asked)

    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (again.headers["x-winnow-replayed"], again.headers["x-winnow-tokens-charged"]) == ("true", "0")
    assert again.headers["x-winnow-call-id"] == first.headers["x-winnow-call-id"]
    assert len(books.close().logs) == 1


def test_a_key_stands_for_one_request_of_one_endpoint(http, books):
    headers = {"Idempotency-Key": "k"}
    http.post("/v1/chat/completions", json=HELLO, headers=headers)
    other = http.post("/v1/chat/completions", json={**HELLO, "max_tokens": 5}, headers=headers)
    elsewhere = http.post("/v1/responses", json={"model": "sandbox-rules-1", "input": "Hello?"}, headers=headers)

    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert elsewhere.status_code == 200
    assert len(books.close().logs) == 2


def test_an_answer_past_its_retention_is_a_409(http, books):
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    http.post("/v1/chat/completions", **asked)
    Answer.objects.all().delete()

    response = http.post("/v1/chat/completions", **asked)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "answer_expired")
    assert len(books.close().logs) == 1


def test_a_repeat_waits_for_the_call_under_way(http, upstream, books):
    upstream.misbehave("delay", seconds=0.3)
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _n: http.post("/v1/chat/completions", **asked), range(3)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(books.close().logs) == 1


def test_a_repeat_that_waited_long_enough_is_a_409(http, upstream, books, settings):
    settings.API_REPEAT_WAIT_SECONDS = 0
    upstream.misbehave("delay", seconds=0.5)
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _n: http.post("/v1/chat/completions", **asked), range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(books.close().logs) == 1


def test_a_failure_that_was_charged_is_what_a_repeat_gets(http, upstream, books):
    upstream.misbehave("stream_cut", after_chunks=1)
    asked = {"json": {**HELLO, "stream": True}, "headers": {"Idempotency-Key": "k"}}
    broken = http.post("/v1/chat/completions", **asked)
    again = http.post("/v1/chat/completions", **asked)

    assert b"provider_unavailable" in broken.content
    assert (again.status_code, again.json()["error"]["code"]) == (502, "provider_unavailable")
    assert again.headers["x-should-retry"] == "false"
    assert len(books.close().logs) == 1


def test_who_leaves_in_the_middle_pays_what_the_provider_reports(http, upstream, books):
    upstream.misbehave("slow_stream", seconds=0.05)
    with http.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response:
        next(response.iter_raw())

    closed = books.close()
    [log], [request] = closed.logs, closed.requests
    assert request["outcome"] == "answered"
    assert (log.status, log.usage_source) == ("succeeded", "provider")
    assert log.charged_tokens == request["reported"]["input"] + request["reported"]["output"]


def test_who_leaves_a_provider_that_does_not_finish_pays_what_was_received(http, upstream, books, settings):
    settings.API_DRAIN_SECONDS = 0.1
    upstream.misbehave("hang", after_chunks=2)
    with http.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response:
        next(response.iter_raw())

    closed = books.close()
    [log], [request] = closed.logs, closed.requests
    assert (log.status, log.usage_source, log.finish_reason) == ("succeeded", "counted", "client_left")
    assert 0 < log.charged_tokens < request["counted"]["input"] + request["counted"]["output"] + 5


def test_who_leaves_before_a_whole_answer_pays_for_it(gateway, secret, upstream, books):
    upstream.misbehave("delay", seconds=0.3)
    with (
        httpx2.Client(base_url=gateway.root_url, trust_env=False, timeout=0.1) as http,
        pytest.raises(httpx2.ReadTimeout),
    ):
        http.post("/v1/chat/completions", json=HELLO, headers={"x-api-key": secret})

    [log] = books.close().logs
    assert (log.status, log.usage_source) == ("succeeded", "provider")


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_stops_settles_what_is_open(upstream, settings, secret, stream):
    settings.API_SHUTDOWN_SECONDS = 0
    settings.API_SILENCE_SECONDS = settings.AI_CALL_TIMEOUT_SECONDS = 30
    settings.AI_TIMEOUT_SECONDS = {"api": 30}
    upstream.misbehave("hang", **({"after_chunks": 2} if stream else {}))
    asked = threading.Event()

    with serve_gateway(graceful_seconds=0) as gateway, ThreadPoolExecutor(1) as threads:

        def ask():
            with httpx2.Client(base_url=gateway.root_url, trust_env=False, timeout=20) as http:
                body = {**HELLO, "stream": stream}
                with http.stream("POST", "/v1/chat/completions", json=body, headers={"x-api-key": secret}) as response:
                    asked.set()
                    return response.read()

        waiting = threads.submit(ask)
        if stream:
            asked.wait(10)
        else:
            while not upstream.requests:
                pass
        gateway.stop()
        waiting.exception(10)

    assert not Hold.objects.filter(state="open").exists()
    [log] = UsageLog.objects.all()
    assert (log.status, log.usage_source) == (("failed", "counted") if stream else ("unknown", "none"))
    assert (log.charged_tokens > 0) == stream


def test_the_ledger_away_is_a_503_and_nothing_is_sent(http, upstream, monkeypatch):
    http.post("/v1/chat/completions", json=HELLO)
    sent = len(upstream.requests)

    async def find_no_connection(_ledger, _movement):
        raise PoolTimeout

    monkeypatch.setattr(AsyncLedger, "_execute", find_no_connection)

    response = http.post("/v1/chat/completions", json=HELLO)

    assert (response.status_code, response.json()["error"]["code"]) == (503, "ledger_away")
    assert len(upstream.requests) == sent


def test_models_are_listed_in_the_shape_of_the_sdk_that_asks(client, claude, gateway, company):
    narrow_secret = make_key(company, allowed_models=["gpt-*"])[1]

    assert "sandbox-rules-1" in [model.id for model in client.models.list()]
    assert client.models.retrieve("sandbox-rules-1").owned_by == "sandbox"
    assert "sandbox-rules-1" in [model.id for model in claude.models.list()]
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such")
    with openai.OpenAI(api_key=narrow_secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as narrow:
        assert narrow.models.list().data == []


def test_tokens_are_counted_by_the_provider_or_by_us_and_not_charged(claude, books):
    asked = {"messages": HELLO["messages"]}
    provider = claude.messages.count_tokens(model="claude-haiku-5-5", **asked).input_tokens
    own = claude.messages.count_tokens(model="sandbox/sandbox-rules-1", **asked).input_tokens
    assert Hold.objects.count() == 0

    real = claude.messages.create(model="claude-haiku-5-5", max_tokens=9, **asked).usage.input_tokens

    assert provider == real <= own
    assert len(books.close().logs) == 1


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


@pytest.fixture(autouse=True)
def no_connection_is_left(request):
    yield
    connection.close()
