"""What calls are answered with: what they took, whom they are for, models and counts."""

import json
import sys
from uuid import uuid4

import httpx2
import openai
import pytest

from ai_gateway.http import relay
from ai_gateway.http.requests import parse_object
from ai_gateway.providers.upstream import Upstream, UpstreamAnswer
from tests.ai_gateway.http.conftest import HELLO, make_key, subscribe
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens import directory
from tokens.models import Hold
from tokens.selectors import get_balance


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


def test_no_bytes_of_a_request_are_kept_while_the_model_answers(http, books, monkeypatch):
    bodies, references = [], []
    ask, read = Upstream.post, UpstreamAnswer.read

    def parse(body):
        bodies.append(body)
        return parse_object(body)

    async def post(self, path, body, *rest):
        bodies.append(body)
        return await ask(self, path, body, *rest)

    def look(answer):
        references.extend(map(sys.getrefcount, bodies))
        return read(answer)

    monkeypatch.setattr(relay, "parse_object", parse)
    monkeypatch.setattr(Upstream, "post", post)
    monkeypatch.setattr(UpstreamAnswer, "read", look)
    assert http.post("/v1/chat/completions", json=HELLO).status_code == 200

    [in_this_list_alone] = map(sys.getrefcount, [bytes(5)])
    assert references == [in_this_list_alone] * 2
    books.close()


def test_what_is_not_the_gateway_s_goes_to_the_site(http):
    assert http.get("/pages").text == "site"


def test_a_tight_balance_shrinks_the_output_limit(gateway, books):
    poor = subscribe(new_company(tokens=60, slug="poor"))
    secret = make_key(poor)[1]
    with httpx2.Client(base_url=gateway.root_url, trust_env=False) as http:
        response = http.post("/v1/chat/completions", json=HELLO, headers={"x-api-key": secret})

    assert response.status_code == 200
    limit = int(response.headers["x-winnow-output-limit"])
    assert 16 <= limit < 60
    assert books.close().requests[0]["max_tokens"] == limit


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
