"""Errors as the real SDKs see them."""

import json

import anthropic
import httpx2
import openai
import pytest

from ai_gateway.wire.errors import write_error, write_stream_error
from tests.ai_gateway.wire.factories import body, chunk, data, message_stream, piece, response_stream

OPENAI_ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    402: openai.APIStatusError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    413: openai.APIStatusError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}
ANTHROPIC_ERRORS = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.AuthenticationError, "authentication_error"),
    402: (anthropic.PaymentRequiredError, "billing_error"),
    403: (anthropic.PermissionDeniedError, "permission_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    409: (anthropic.ConflictError, "conflict_error"),
    413: (anthropic.RequestTooLargeError, "request_too_large"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    503: (anthropic.ServiceUnavailableError, "api_error"),
    529: (anthropic.OverloadedError, "overloaded_error"),
}
FACTS = {
    "code": "insufficient_tokens",
    "message": "12 tokens are left, 40 are needed.",
    "details": {"needed_tokens": 40},
}


def transport(status: int, content: bytes, content_type: str) -> httpx2.Client:
    def answer(request):
        return httpx2.Response(status, content=content, headers={"content-type": content_type, "request-id": "call-7"})

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def openai_client(status, content, content_type="application/json") -> openai.OpenAI:
    return openai.OpenAI(api_key="k", max_retries=0, http_client=transport(status, content, content_type))


def anthropic_client(status, content, content_type="application/json") -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", max_retries=0, http_client=transport(status, content, content_type))


@pytest.mark.parametrize("status", OPENAI_ERRORS)
@pytest.mark.parametrize("format_name", ["chat", "responses", "embeddings"])
def test_the_openai_sdk_raises_its_own_exception(format_name, status):
    client = openai_client(status, write_error(format_name, status=status, param="messages", **FACTS))
    call = {"chat": client.chat.completions, "responses": client.responses, "embeddings": client.embeddings}[
        format_name
    ]
    with pytest.raises(openai.APIStatusError) as failure:
        call.create(**body(format_name))
    assert type(failure.value) is OPENAI_ERRORS[status]
    assert (failure.value.status_code, failure.value.code, failure.value.param) == (
        status,
        "insufficient_tokens",
        "messages",
    )
    assert failure.value.body["message"] == FACTS["message"]
    assert failure.value.body["details"] == FACTS["details"]


def test_openais_type_of_an_empty_balance_is_quota():
    assert json.loads(write_error("chat", status=402, **FACTS))["error"]["type"] == "insufficient_quota"


@pytest.mark.parametrize("status", ANTHROPIC_ERRORS)
def test_the_anthropic_sdk_raises_its_own_exception(status):
    client = anthropic_client(status, write_error("messages", status=status, request_id="call-7", **FACTS))
    with pytest.raises(anthropic.APIStatusError) as failure:
        client.messages.create(**body("messages"))
    expected, kind = ANTHROPIC_ERRORS[status]
    assert type(failure.value) is expected
    assert (failure.value.status_code, failure.value.type, failure.value.request_id) == (status, kind, "call-7")
    assert failure.value.body == {
        "type": "error",
        "error": {
            "type": kind,
            "message": FACTS["message"],
            "details": {"error_code": "insufficient_tokens", "needed_tokens": 40},
        },
        "request_id": "call-7",
    }
    assert failure.value.error_code == "insufficient_tokens"


@pytest.mark.parametrize("format_name", ["chat", "responses"])
def test_the_openai_sdk_raises_in_the_middle_of_a_stream(format_name):
    begun = data(chunk([piece("Hi")])) if format_name == "chat" else response_stream("Hi")[:-10]
    begun = begun[: begun.rindex(b"\n\n") + 2]
    error = write_stream_error(format_name, status=502, code="provider_unavailable", message="The connection broke.")
    client = openai_client(200, begun + error, "text/event-stream")
    call = client.chat.completions if format_name == "chat" else client.responses
    received = []
    with pytest.raises(openai.APIError) as failure:
        received.extend(call.create(**body(format_name), stream=True))
    assert len(received) == (1 if format_name == "chat" else 2)
    assert (failure.value.message, failure.value.code, failure.value.type) == (
        "The connection broke.",
        "provider_unavailable",
        "server_error",
    )


def test_the_anthropic_sdk_raises_in_the_middle_of_a_stream():
    begun = message_stream("Hi")
    begun = begun[: begun.index(b"event: content_block_stop")]
    error = write_stream_error(
        "messages", status=529, code="provider_overloaded", message="Too much work.", request_id="call-7"
    )
    client = anthropic_client(200, begun + error, "text/event-stream")
    received = []
    with pytest.raises(anthropic.APIStatusError) as failure:
        received.extend(client.messages.create(**body("messages"), stream=True))
    assert [event.type for event in received] == ["message_start", "content_block_start", "content_block_delta"]
    assert failure.value.type == "overloaded_error"
    assert failure.value.body["error"]["message"] == "Too much work."
