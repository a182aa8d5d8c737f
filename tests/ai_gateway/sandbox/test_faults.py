"""Each fault, as the real SDKs meet it."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.sandbox import RunningSandbox, start_sandbox

MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
USAGE: Any = {"include_usage": True}


def complete(client: openai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(model="m", messages=MESSAGES, **options)


def message(client: anthropic.Anthropic, **options: Any) -> Any:
    return client.messages.create(model="m", max_tokens=100, messages=MESSAGES, **options)


def received(stream: Iterator[Any]) -> tuple[list[Any], Exception | None]:
    """Read a stream to its end, however it ends."""
    chunks: list[Any] = []
    try:
        for chunk in stream:
            chunks.append(chunk)
    except (openai.APIError, anthropic.APIError, httpx2.HTTPError) as error:
        return chunks, error
    return chunks, None


def test_faults_are_consumed_in_order_one_by_each_request(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI
) -> None:
    sandbox.set_faults(key, {"kind": "status", "status": 500}, {"kind": "none"}, {"kind": "rate_limit"})
    with pytest.raises(openai.InternalServerError):
        complete(openai_client)
    complete(openai_client)
    with pytest.raises(openai.RateLimitError):
        complete(openai_client)
    complete(openai_client)
    assert [(entry["fault"], entry["status"]) for entry in sandbox.requests(key)] == [
        ("status", 500),
        ("none", 200),
        ("rate_limit", 429),
        (None, 200),
    ]


def test_a_fault_may_repeat(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "status", "status": 503, "times": 2})
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            complete(openai_client)
    complete(openai_client)


def test_a_fault_may_wait_for_its_schema(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "status", "status": 500, "schema_name": "scoring"})
    complete(openai_client)
    asked = {"type": "json_schema", "json_schema": {"name": "scoring", "schema": SCHEMA}}
    with pytest.raises(openai.InternalServerError):
        complete(openai_client, response_format=asked)


def test_cleared_faults_do_not_happen(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "disconnect"})
    sandbox.clear_faults(key)
    assert complete(openai_client).choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_openai_status(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    sandbox.set_faults(key, {"kind": "status", "status": status, "code": "made_up", "retry_after": 7, "message": "No."})
    with pytest.raises(error) as caught:
        complete(openai_client)
    assert (caught.value.status_code, caught.value.code, caught.value.body["message"]) == (status, "made_up", "No.")  # type: ignore[index]
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.request_id == sandbox.requests(key)[0]["request_id"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.PaymentRequiredError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (504, anthropic.APIStatusError, "timeout_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_anthropic_status(
    sandbox: RunningSandbox,
    key: str,
    anthropic_client: anthropic.Anthropic,
    status: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    sandbox.set_faults(key, {"kind": "status", "status": status})
    with pytest.raises(error) as caught:
        message(anthropic_client)
    assert (caught.value.status_code, caught.value.type) == (status, kind)
    assert caught.value.body["request_id"] == caught.value.request_id  # type: ignore[index]


def test_a_rate_limit_may_be_tried_again(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "rate_limit", "retry_after": 0, "times": 2})
    with pytest.raises(openai.RateLimitError) as caught:
        complete(openai_client)
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("rate_limit_exceeded", "0")
    with pytest.raises(anthropic.RateLimitError) as refused:
        message(anthropic_client)
    assert (refused.value.type, refused.value.error_code) == ("rate_limit_error", None)


def test_an_empty_account_may_not(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "quota", "times": 2})
    with pytest.raises(openai.RateLimitError) as caught:
        complete(openai_client)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    assert "retry-after" not in caught.value.response.headers
    with pytest.raises(anthropic.RateLimitError) as refused:
        message(anthropic_client)
    assert refused.value.error_code == "enforced_spend_limit_reached"


def test_overloaded(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "overloaded", "times": 2})
    with pytest.raises(anthropic.OverloadedError) as caught:
        message(anthropic_client)
    assert (caught.value.status_code, caught.value.type) == (529, "overloaded_error")
    with pytest.raises(openai.InternalServerError) as refused:
        complete(openai_client)
    assert refused.value.status_code == 503


def test_a_connection_closed_without_an_answer(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "disconnect", "times": 2})
    with pytest.raises(openai.APIConnectionError):
        complete(openai_client)
    with pytest.raises(anthropic.APIConnectionError):
        message(anthropic_client)
    assert [entry["outcome"] for entry in sandbox.requests(key)] == ["cut", "cut"]


def test_a_hanging_request_ends_at_the_clients_time_limit(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI
) -> None:
    sandbox.set_faults(key, {"kind": "hang"})
    with pytest.raises(openai.APITimeoutError):
        complete(openai_client.with_options(timeout=0.2))
    assert sandbox.requests(key)[0]["counted"] is None


def test_a_delay_is_waited_out(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "delay", "seconds": 0.3}, {"kind": "delay", "seconds": 0.01})
    with pytest.raises(openai.APITimeoutError):
        complete(openai_client.with_options(timeout=0.1))
    assert complete(openai_client).choices[0].finish_reason == "stop"


@pytest.mark.parametrize("after", [0, 2, 1000])
def test_a_cut_stream_breaks_off_without_usage(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, after: int
) -> None:
    sandbox.set_faults(key, {"kind": "stream_cut", "after_chunks": after})
    chunks, error = received(iter(complete(openai_client, stream=True, stream_options=USAGE)))
    pieces = [chunk for chunk in chunks if chunk.choices[0].delta.content]
    assert isinstance(error, openai.APIConnectionError)
    assert {chunk.usage for chunk in chunks} == {None}
    assert len(pieces) == sandbox.requests(key)[0]["chunks_sent"] == min(after, 4)
    assert sandbox.requests(key)[0]["outcome"] == "cut"


def test_a_cut_anthropic_stream(sandbox: RunningSandbox, key: str, anthropic_client: anthropic.Anthropic) -> None:
    sandbox.set_faults(key, {"kind": "stream_cut", "after_chunks": 2})
    events, error = received(iter(message(anthropic_client, stream=True)))
    assert isinstance(error, httpx2.RemoteProtocolError)  # the SDK does not wrap it
    assert [event.type for event in events][-2:] == ["content_block_delta"] * 2


def test_a_cut_answer_without_a_stream(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "stream_cut"})
    with pytest.raises(openai.APIConnectionError):
        complete(openai_client)


def test_a_stream_that_stalls(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "hang", "after_chunks": 1})
    chunks, error = received(iter(complete(openai_client.with_options(timeout=0.2), stream=True)))
    assert isinstance(error, openai.APITimeoutError)
    assert len([chunk for chunk in chunks if chunk.choices[0].delta.content]) == 1


def test_an_error_inside_an_openai_stream(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "error_event", "after_chunks": 2, "message": "Gone."})
    chunks, error = received(iter(complete(openai_client, stream=True)))
    assert type(error) is openai.APIError
    assert (error.message, error.type) == ("Gone.", "server_error")
    assert len(chunks) == 3


def test_an_error_inside_an_anthropic_stream_has_status_200(
    sandbox: RunningSandbox, key: str, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "error_event"})
    _, error = received(iter(message(anthropic_client, stream=True)))
    assert isinstance(error, anthropic.APIStatusError)
    assert (error.status_code, error.type) == (200, "overloaded_error")


def test_an_error_inside_a_response_stream(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "error_event"})
    events = list(openai_client.responses.create(model="m", input="x", stream=True))
    assert (events[-1].type, events[-1].code) == ("error", "slow_down")  # type: ignore[union-attr]


def test_an_error_event_without_a_stream_is_a_status(
    sandbox: RunningSandbox, key: str, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "error_event"})
    with pytest.raises(anthropic.OverloadedError):
        message(anthropic_client)


def test_no_usage(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "no_usage", "times": 4})
    assert complete(openai_client).usage is None
    chunks = list(complete(openai_client, stream=True, stream_options=USAGE))
    assert {chunk.usage for chunk in chunks} == {None}
    assert openai_client.responses.create(model="m", input="x").usage is None
    assert getattr(message(anthropic_client), "usage", None) is None
    entries = sandbox.requests(key)
    assert [entry["reported"] for entry in entries] == [None] * 4
    assert all(entry["counted"]["output"] > 0 for entry in entries)


def test_zero_usage(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "zero_usage", "times": 3})
    assert complete(openai_client).usage.total_tokens == 0
    assert list(complete(openai_client, stream=True, stream_options=USAGE))[-1].usage.total_tokens == 0
    usage = message(anthropic_client).usage
    assert (usage.input_tokens, usage.output_tokens) == (0, 0)


def test_cumulative_usage_grows_with_every_chunk(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI
) -> None:
    sandbox.set_faults(key, {"kind": "cumulative_usage"})
    chunks = list(complete(openai_client, stream=True, stream_options=USAGE))
    outputs = [chunk.usage.completion_tokens for chunk in chunks]
    assert outputs == sorted(outputs)
    assert (outputs[0], outputs[1]) == (0, 8)
    assert outputs[-1] == sandbox.requests(key)[0]["counted"]["output"]


def test_extra_usage_overdraws(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    extra = {"output_tokens": 500, "input_tokens": 40, "cached_tokens": 10, "reasoning_tokens": 300}
    sandbox.set_faults(key, {"kind": "extra_usage", "times": 2, **extra})
    usage = complete(openai_client, max_completion_tokens=5).usage
    counted = sandbox.requests(key)[0]["counted"]
    assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (505, 300)
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (counted["input"] + 40, 10)
    billed = message(anthropic_client).usage
    counted = sandbox.requests(key)[1]["counted"]
    assert (billed.input_tokens, billed.cache_read_input_tokens) == (counted["input"] + 30, 10)
    assert billed.output_tokens == counted["output"] + 500


def test_garbage_is_no_completion(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "garbage"}, {"kind": "garbage", "content_type": "application/json"})
    assert complete(openai_client) == "<html><body><h1>502 Bad Gateway</h1></body></html>"
    with pytest.raises(json.JSONDecodeError):
        complete(openai_client)


@pytest.mark.parametrize(
    ("kind", "finish"), [("bad_json_answer", "stop"), ("truncated_answer", "length"), ("empty_answer", "stop")]
)
def test_a_valid_envelope_around_an_unusable_answer(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, kind: str, finish: str
) -> None:
    sandbox.set_faults(key, {"kind": kind})
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    completion = complete(openai_client, response_format=asked)
    expected = {
        "bad_json_answer": '{"sandbox_fault": "bad_json_answer"}',
        "truncated_answer": '{"n"',
        "empty_answer": "",
    }
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == (expected[kind], finish)
    assert completion.usage.completion_tokens == sandbox.requests(key)[0]["counted"]["output"]


def test_embeddings_have_faults_too(sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI) -> None:
    sandbox.set_faults(key, {"kind": "overloaded"}, {"kind": "zero_usage"})
    with pytest.raises(openai.InternalServerError):
        openai_client.embeddings.create(model="m", input="x")
    assert openai_client.embeddings.create(model="m", input="x").usage.total_tokens == 0


def test_counting_and_listing_consume_no_fault(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    sandbox.set_faults(key, {"kind": "disconnect"})
    anthropic_client.messages.count_tokens(model="m", messages=MESSAGES)
    openai_client.models.list()
    with pytest.raises(openai.APIConnectionError):
        complete(openai_client)


def test_a_client_that_leaves_a_slow_stream_is_noticed(
    sandbox: RunningSandbox, key: str, openai_client: openai.OpenAI
) -> None:
    sandbox.set_faults(key, {"kind": "slow_stream", "seconds": 0.05})
    stream = complete(openai_client, stream=True)
    next(stream)
    stream.close()
    outcomes = iter(lambda: sandbox.requests(key)[0]["outcome"], "client_left")
    assert len(list(outcomes)) < 200
    assert sandbox.requests(key)[0]["chunks_sent"] < 4


def test_a_request_that_hangs_does_not_keep_the_sandbox_from_stopping() -> None:
    with start_sandbox() as sandbox:
        key = sandbox.key()
        sandbox.set_faults(key, {"kind": "hang", "after_chunks": 1})
        client = openai.OpenAI(base_url=sandbox.url, api_key=key, max_retries=0, timeout=30)
        stream = iter(complete(client, stream=True))
        next(stream)
    assert isinstance(received(stream)[1], openai.APIConnectionError)
    client.close()
