"""Keys, models, health and the sandbox's own endpoints."""

import http.client
import json

import anthropic
import openai
import pytest

from tests.sandbox import RunningSandbox


def ask(
    sandbox: RunningSandbox, method: str, path: str, key: str = "", body: bytes | None = None
) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_health_needs_no_key_and_says_what_answers(sandbox: RunningSandbox) -> None:
    status, body = ask(sandbox, "GET", "/healthz")
    assert (status, body) == (200, {"status": "ok", "provider": "sandbox", "answers": "rules, not AI"})


def test_openai_refuses_the_wrong_key(sandbox: RunningSandbox) -> None:
    client = openai.OpenAI(base_url=sandbox.url, api_key="wrong-key", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as caught:
        client.models.list()
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert caught.value.request_id


def test_anthropic_refuses_the_wrong_key(sandbox: RunningSandbox) -> None:
    client = anthropic.Anthropic(base_url=sandbox.root_url, api_key="wrong-key", max_retries=0)
    with client, pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    assert caught.value.type == "authentication_error"
    assert (caught.value.request_id or "").startswith("req_")


def test_a_request_without_any_key_is_refused(sandbox: RunningSandbox) -> None:
    status, body = ask(sandbox, "POST", "/v1/chat/completions", body=b"{}")
    assert status == 401
    assert isinstance(body, dict)
    assert body["error"]["message"] == "You didn't provide an API key."


def test_openai_lists_the_model(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["sandbox-rules-1"]
    assert openai_client.models.retrieve("anything").id == "anything"


def test_anthropic_lists_the_model(anthropic_client: anthropic.Anthropic) -> None:
    (model,) = anthropic_client.models.list()
    assert (model.id, model.display_name) == ("sandbox-rules-1", "Winnow sandbox (rules, not AI)")


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/images/generations"), ("GET", "/v1/chat/completions")])
def test_an_unknown_address_is_not_found(sandbox: RunningSandbox, key: str, method: str, path: str) -> None:
    status, body = ask(sandbox, method, path, key)
    assert (status, body["error"]["message"]) == (404, f"Invalid URL ({method} {path})")  # type: ignore[index]


@pytest.mark.parametrize("body", [b"not json", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(sandbox: RunningSandbox, key: str, body: bytes) -> None:
    status, answer = ask(sandbox, "POST", "/v1/chat/completions", key, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")  # type: ignore[index]


def test_requests_are_listed_with_what_was_counted(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI
) -> None:
    completion = openai_client.chat.completions.create(
        model="gpt-6-luna",
        messages=[{"role": "user", "content": "x"}],
        max_completion_tokens=7,
        extra_headers={"X-Client-Request-Id": "call-1"},
    )
    (entry,) = sandbox.requests(key)
    usage = completion.usage
    assert usage is not None
    counted = {"input": usage.prompt_tokens, "output": 7, "cached": 0, "reasoning": 0}
    assert entry == {
        "request_id": completion._request_id,
        "path": "/v1/chat/completions",
        "model": "gpt-6-luna",
        "stream": False,
        "schema_name": "",
        "tool": "",
        "images": 0,
        "files": 0,
        "media_seconds": None,
        "max_tokens": 7,
        "client_request_id": "call-1",
        "fault": None,
        "status": 200,
        "outcome": "answered",
        "counted": counted,
        "reported": counted,
        "chunks_sent": 0,
    }


def test_requests_and_faults_belong_to_a_key(sandbox: RunningSandbox, openai_client: openai.OpenAI) -> None:
    other = sandbox.key()
    sandbox.set_faults(other, {"kind": "status", "status": 500})
    openai_client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert sandbox.requests(other) == []


@pytest.mark.parametrize(
    "body",
    [
        {"faults": [{"kind": "meteor"}]},
        {"faults": [{"kind": "delay", "seconds": -1}]},
        {"faults": [{"kind": "delay", "seconds": "soon"}]},
        {"faults": [{"kind": "status", "status": 200}]},
        {"faults": [{"kind": "delay", "minutes": 1}]},
        {"faults": ["delay"]},
        {"faults": [{"kind": "none", "times": 1001}]},
        {},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(sandbox: RunningSandbox, key: str, body: object) -> None:
    status, answer = ask(sandbox, "POST", "/sandbox/faults", key, json.dumps(body).encode())
    assert status == 400
    assert isinstance(answer, dict)
    assert answer["error"]


def test_an_unknown_address_of_its_own_is_not_found(sandbox: RunningSandbox, key: str) -> None:
    assert ask(sandbox, "GET", "/sandbox/secrets", key)[0] == 404
