"""What is written into the Responses format and read out of it, beyond what the sandbox sends."""

import json

import pytest

from ai_gateway.providers.adapter import Received
from ai_gateway.providers.content import NamedTool, ToolCall
from ai_gateway.providers.errors import (
    ProviderGarbledAnswer,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from ai_gateway.providers.openai_responses import OpenAIResponses, read_response_answer, response_parameters
from ai_gateway.providers.types import Usage
from tests.ai_gateway.providers.conftest import SCHEMA, make_request
from tests.ai_gateway.providers.test_content import CALL, CLOCK, EARLIER, FILES, PDF_TEXT, PNG_TEXT, WEATHER

PROVIDER = OpenAIResponses(name="openai", api_key="k", base_url=None)
USAGE = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}


def said(text, kind="output_text"):
    return {"type": "message", "content": [{"type": kind, "refusal" if kind == "refusal" else "text": text}]}


def read(output, status="completed", **more):
    payload = {"id": "resp_1", "status": status, "output": output, "usage": USAGE, **more}
    return read_response_answer(Received(json.dumps(payload).encode(), {}, 5), make_request(), PROVIDER)


def test_a_request_stores_nothing_and_is_limited():
    assert response_parameters(make_request("Hi", system="Be brief.")) == {
        "model": "m",
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": "Hi"}],
        "max_output_tokens": 200,
        "store": False,
    }


def test_a_schema_is_asked_for_strictly():
    assert response_parameters(make_request(json_schema=SCHEMA))["text"] == {
        "format": {"type": "json_schema", "name": "verdict", "schema": SCHEMA.schema, "strict": True}
    }


def test_files_are_parts_of_the_users_turn():
    assert response_parameters(make_request("Who?", parts=FILES))["input"][0]["content"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG_TEXT}", "detail": "low"},
        {"type": "input_file", "filename": "cv.pdf", "file_data": f"data:application/pdf;base64,{PDF_TEXT}"},
        {"type": "input_text", "text": "Who?"},
    ]


def test_earlier_turns_are_items():
    assert response_parameters(make_request("", earlier=EARLIER))["input"] == [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
    ]


def test_tools_say_whether_they_are_strict():
    parameters = response_parameters(make_request(tools=(WEATHER, CLOCK), tool_choice=NamedTool("clock")))
    shape = {"name": "weather", "description": "The weather of a city.", "parameters": WEATHER.parameters}
    assert parameters["tools"][0] == {"type": "function", **shape, "strict": False}
    assert parameters["tools"][1]["strict"] is True
    assert parameters["tool_choice"] == {"type": "function", "name": "clock"}


def test_texts_are_joined_and_reasoning_left_out():
    answer = read([{"type": "reasoning", "summary": []}, said("A"), said("B")], service_tier="flex")
    assert (answer.text, answer.finish_reason, answer.service_tier) == ("AB", "stop", "flex")
    assert (answer.usage, answer.raw_usage) == (Usage(input_uncached=10, output=2), USAGE)


def test_a_function_call_is_a_tool_call():
    item = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'}
    answer = read([item])
    assert (answer.tool_calls, answer.finish_reason) == ((CALL,), "tool_calls")
    assert read([{**item, "arguments": ""}]).tool_calls == (ToolCall("call_1", "weather", "{}"),)


def test_a_refusal_is_told_in_its_own_words():
    answer = read([said("I cannot.", "refusal")])
    assert (answer.text, answer.finish_reason) == ("I cannot.", "refusal")


@pytest.mark.parametrize(
    ("reason", "meaning"), [("max_output_tokens", "length"), ("content_filter", "refusal"), (None, "other")]
)
def test_an_incomplete_response_is_an_answer(reason, meaning):
    answer = read([said("A")], "incomplete", incomplete_details={"reason": reason})
    assert (answer.text, answer.finish_reason, answer.usage.provider_tokens) == ("A", meaning, 12)


@pytest.mark.parametrize(
    ("status", "code", "error_class"),
    [
        ("failed", "server_error", ProviderUnavailable),
        ("failed", "rate_limit_exceeded", ProviderRateLimited),
        ("failed", "invalid_prompt", ProviderRejectedRequest),
        ("failed", "image_too_large", ProviderRejectedRequest),
        ("failed", None, ProviderUnavailable),
        ("cancelled", None, ProviderUnavailable),
    ],
)
def test_a_failed_response_keeps_its_usage(status, code, error_class):
    with pytest.raises(error_class) as failure:
        read([], status, error={"code": code, "message": "It broke."} if code else None)
    error = failure.value
    assert (error.usage, error.delivery, error.provider_request_id) == (
        Usage(input_uncached=10, output=2),
        "unknown",
        "resp_1",
    )
    assert error.detail == ("It broke." if code else "")


def test_a_failed_response_without_usage_has_none():
    with pytest.raises(ProviderUnavailable) as failure:
        read([], "failed", usage=None)
    assert failure.value.usage is None


def test_hosted_tools_are_counted():
    answer = read([said("A")], tool_usage={"web_search": {"num_requests": 3}})
    assert answer.usage.tool_requests == 3


@pytest.mark.parametrize(
    "output", [None, "A", [None], [said(7)], [said(None, "refusal")], [{"type": "function_call", "name": 7}]]
)
def test_a_garbled_response_keeps_a_usable_usage(output):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read(output)
    assert failure.value.usage == Usage(input_uncached=10, output=2)


def test_what_is_not_reported_is_counted():
    usage = read([said("Hello there")], usage=None).usage
    assert (usage.source, usage.output) == ("counted", 2)
