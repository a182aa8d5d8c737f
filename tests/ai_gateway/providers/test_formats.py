"""What is written into each format and read out of it, beyond what the sandbox sends."""

import json

import pytest

from ai_gateway.estimating import count_tokens
from ai_gateway.providers.adapter import Received
from ai_gateway.providers.anthropic_messages import AnthropicMessages, message_parameters, read_message_answer
from ai_gateway.providers.compatible import CompatibleChat
from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.openai_chat import OpenAIChat, read_chat_answer
from ai_gateway.providers.types import JsonSchema, ProviderRequest, Usage

OPENAI = OpenAIChat(name="openai", api_key="k", base_url=None)
COMPATIBLE = CompatibleChat(name="compatible", api_key="k", base_url="http://10.0.0.7/v1")
ANTHROPIC = AnthropicMessages(name="anthropic", api_key="k", base_url="https://api.anthropic.com/v1/")
BOUNDED = JsonSchema(
    "verdict",
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1}},
        "required": ["score"],
        "additionalProperties": False,
    },
)


def make_request(**changes) -> ProviderRequest:
    facts = {"model": "m", "user": "Hi", "max_output_tokens": 9, "timeout_seconds": 5.0, "call_id": "c"}
    return ProviderRequest(**{**facts, **changes})


# Requests ---------------------------------------------------------------------------------------------------


def test_openai_is_told_the_limit_and_to_store_nothing():
    assert OPENAI.parameters(make_request(system="Be brief.")) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_completion_tokens": 9,
        "store": False,
    }


def test_a_compatible_server_is_told_the_limit_in_the_dialect_that_all_of_them_obey():
    assert COMPATIBLE.parameters(make_request()) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
    }


def test_openai_gets_the_schema_as_it_is_and_strictly():
    format_ = OPENAI.parameters(make_request(json_schema=BOUNDED))["response_format"]
    shape = {"name": "verdict", "schema": BOUNDED.schema, "strict": True}
    assert format_ == {"type": "json_schema", "json_schema": shape}


def test_anthropic_gets_the_system_text_apart():
    assert message_parameters(make_request(system="Be brief.")) == {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
        "system": "Be brief.",
    }


def test_anthropic_gets_bounds_in_words_and_the_name_as_title():
    schema = message_parameters(make_request(json_schema=BOUNDED))["output_config"]["format"]["schema"]
    assert schema["title"] == "verdict"
    assert schema["properties"]["score"] == {"type": "integer", "description": "{minimum: 1}"}


def test_a_schema_that_the_sdk_cannot_translate_is_sent_as_it_is():
    odd = JsonSchema("odd", {"type": "object", "properties": {"a": {"type": ["string", "null"]}}})
    schema = message_parameters(make_request(json_schema=odd))["output_config"]["format"]["schema"]
    assert schema == {"title": "odd", **odd.schema}


def test_anthropics_address_may_end_in_v1():
    assert str(ANTHROPIC._client.base_url) == "https://api.anthropic.com"


# Chat completions -------------------------------------------------------------------------------------------

CHAT_USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


def read_chat(payload, provider=OPENAI):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return read_chat_answer(Received(body, {"x-request-id": "req_1"}, 5), make_request(), provider)


def chat(message, finish="stop", **more):
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": CHAT_USAGE, **more}


@pytest.mark.parametrize(
    ("finish", "meaning"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "refusal"),
        ("tool_calls", "tool_calls"),
        ("function_call", "other"),
        (None, "other"),
        ([], "other"),
    ],
)
def test_how_a_chat_ended(finish, meaning):
    assert read_chat(chat({"content": "Hi"}, finish)).finish_reason == meaning


def test_a_refusal_is_told_in_its_own_words():
    answer = read_chat(chat({"content": None, "refusal": "I cannot."}))
    assert (answer.text, answer.finish_reason) == ("I cannot.", "refusal")


def test_the_tier_and_model_that_answered_are_kept():
    answer = read_chat(chat({"content": "Hi"}, model="m-2026-11", service_tier="priority"))
    assert (answer.model, answer.service_tier, answer.raw_usage) == ("m-2026-11", "priority", CHAT_USAGE)


def test_what_a_server_leaves_out_is_filled_in_or_empty():
    answer = read_chat(chat({"content": "Hi"}, model=None, service_tier=7))
    assert (answer.model, answer.service_tier) == ("m", "")


def test_endless_names_are_cut_to_their_columns():
    answer = read_chat(chat({"content": "Hi"}, model="m" * 999, service_tier="t" * 999))
    assert (len(answer.model), len(answer.service_tier)) == (128, 32)


@pytest.mark.parametrize(
    "payload",
    [
        {"choices": [], "usage": CHAT_USAGE},
        {"choices": {"message": {"content": "Hi"}}, "usage": CHAT_USAGE},
        {"choices": [None], "usage": CHAT_USAGE},
        chat(None),
        chat({"content": 7}),
        chat({"content": [{"type": "text"}]}),
    ],
)
def test_a_garbled_chat_keeps_a_usable_usage(payload):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read_chat(payload)
    assert failure.value.usage == Usage(input_uncached=10, output=2)
    assert (failure.value.delivery, failure.value.provider_request_id) == ("unknown", "req_1")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"choices"'])
def test_a_body_that_is_no_object_is_garbled_without_usage(body):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read_chat(body)
    assert failure.value.usage is None


def test_our_own_count_includes_open_reasoning():
    thought = "First I think about it at length."
    payload = {**chat({"content": "Hi", "reasoning_content": thought}), "usage": None}
    usage = read_chat(payload, COMPATIBLE).usage
    assert (usage.source, usage.output) == ("counted", count_tokens(thought + "Hi", "m"))


def test_numbers_that_contradict_are_told():
    answer = read_chat({**chat({"content": "Hi"}), "usage": {**CHAT_USAGE, "total_tokens": 99}})
    assert answer.usage.contradictions == ("total_tokens: not the sum",)


# Messages ---------------------------------------------------------------------------------------------------


def message(content, stop="end_turn", **usage):
    return {"id": "msg_1", "model": "claude", "content": content, "stop_reason": stop, "usage": usage}


def read_message(payload, headers=None):
    body = json.dumps(payload).encode()
    return read_message_answer(Received(body, headers or {}, 5), make_request(), ANTHROPIC)


def test_texts_of_a_message_are_joined_and_thinking_left_out():
    content = [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    answer = read_message(message(content, input_tokens=3, output_tokens=4, service_tier="batch"))
    assert (answer.text, answer.service_tier, answer.usage) == ("AB", "batch", Usage(input_uncached=3, output=4))


@pytest.mark.parametrize(
    ("stop", "meaning"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "other"),
        ({}, "other"),
    ],
)
def test_how_a_message_ended(stop, meaning):
    assert read_message(message([], stop, input_tokens=3, output_tokens=4)).finish_reason == meaning


def test_the_answers_own_id_stands_in_for_the_requests():
    assert read_message(message([], input_tokens=3, output_tokens=4)).provider_request_id == "msg_1"


@pytest.mark.parametrize("content", [None, "Hi", [None], ["Hi"], [{"type": "text", "text": 7}]])
def test_a_garbled_message_keeps_a_usable_usage(content):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read_message(message(content, input_tokens=3, output_tokens=4))
    assert failure.value.usage == Usage(input_uncached=3, output=4)
