"""Files, tools and earlier turns: what each format makes of them, and how they come through to the sandbox."""

import base64
import io
import json

import pytest
from PIL import Image

from ai_gateway.estimating import count_usage, estimate_input_tokens
from ai_gateway.providers.anthropic_messages import message_parameters
from ai_gateway.providers.content import ImagePart, NamedTool, PdfPart, TextPart, Tool, ToolCall
from ai_gateway.providers.types import Message
from tests.ai_gateway.providers.conftest import make_request
from tests.ai_gateway.providers.test_formats import (
    ANTHROPIC,
    COMPATIBLE,
    OPENAI,
    chat,
    message,
    read_chat,
    read_message,
)


def make_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "PNG")
    return file.getvalue()


PNG = make_png()
PDF = b"%PDF-1.4\n1 0 obj<</Type/Pages/Count 1>>endobj 2 0 obj<</Type/Page>>endobj"
PNG_TEXT, PDF_TEXT = base64.b64encode(PNG).decode(), base64.b64encode(PDF).decode()
FILES = (TextPart("Look:"), ImagePart(PNG, "image/png", "low"), PdfPart(PDF, "cv.pdf"))
WEATHER = Tool(
    name="weather",
    description="The weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
CLOCK = Tool(name="clock", description="The time.", parameters={"type": "object", "properties": {}}, strict=True)
CALL = ToolCall("call_1", "weather", '{"city": "Oslo"}')
EARLIER = (
    Message("user", "Weather in Oslo?"),
    Message("assistant", "I look.", tool_calls=(CALL,)),
    Message("tool", "Rain.", tool_call_id="call_1"),
)

# Requests ---------------------------------------------------------------------------------------------------


def test_files_in_a_chat():
    assert OPENAI.parameters(make_request("Who?", parts=FILES))["messages"][0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}", "detail": "low"}},
        {
            "type": "file",
            "file": {"filename": "cv.pdf", "file_data": f"data:application/pdf;base64,{PDF_TEXT}"},
        },
        {"type": "text", "text": "Who?"},
    ]


def test_files_in_a_message():
    assert message_parameters(make_request("Who?", parts=FILES))["messages"][0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF_TEXT},
            "title": "cv.pdf",
        },
        {"type": "text", "text": "Who?"},
    ]


def test_files_need_no_words():
    assert len(OPENAI.parameters(make_request("", parts=FILES))["messages"][0]["content"]) == 3
    assert len(message_parameters(make_request("", parts=FILES))["messages"][0]["content"]) == 3


def test_earlier_turns_in_a_chat():
    assert OPENAI.parameters(make_request("", earlier=EARLIER))["messages"] == [
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
    ]


def test_earlier_turns_in_a_message_join_what_the_user_says():
    assert message_parameters(make_request("And now?", earlier=EARLIER))["messages"] == [
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain."},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


def test_arguments_that_are_no_object_are_sent_to_anthropic_as_none():
    turns = (Message("assistant", "", tool_calls=(ToolCall("c", "weather", "[1"),)),)
    assert message_parameters(make_request(earlier=turns))["messages"][0]["content"] == [
        {"type": "tool_use", "id": "c", "name": "weather", "input": {}}
    ]


def test_tools_in_a_chat():
    parameters = COMPATIBLE.parameters(make_request(tools=(WEATHER, CLOCK)))
    shape = {"name": "weather", "description": "The weather of a city.", "parameters": WEATHER.parameters}
    assert parameters["tools"][0] == {"type": "function", "function": shape}
    assert parameters["tools"][1]["function"]["strict"] is True
    assert "tool_choice" not in parameters


def test_tools_in_a_message():
    parameters = message_parameters(make_request(tools=(WEATHER, CLOCK)))
    assert parameters["tools"][0] == {
        "name": "weather",
        "description": "The weather of a city.",
        "input_schema": WEATHER.parameters,
    }
    assert parameters["tools"][1]["strict"] is True
    assert "tool_choice" not in parameters


@pytest.mark.parametrize(
    ("choice", "in_chat", "in_message"),
    [
        ("required", "required", {"type": "any"}),
        ("none", "none", {"type": "none"}),
        (NamedTool("clock"), {"type": "function", "function": {"name": "clock"}}, {"type": "tool", "name": "clock"}),
    ],
)
def test_the_choice_of_a_tool(choice, in_chat, in_message):
    request = make_request(tools=(WEATHER, CLOCK), tool_choice=choice)
    assert OPENAI.parameters(request)["tool_choice"] == in_chat
    assert message_parameters(request)["tool_choice"] == in_message


# Answers ----------------------------------------------------------------------------------------------------


def chat_call(**function):
    return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


@pytest.mark.parametrize(
    ("finish", "meaning"), [("tool_calls", "tool_calls"), ("stop", "tool_calls"), ("length", "length")]
)
def test_a_call_in_a_chat(finish, meaning):
    answer = read_chat(chat(chat_call(name="weather", arguments='{"city": "Oslo"}'), finish))
    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("", (CALL,), meaning)


def test_a_call_without_arguments_has_none():
    for arguments in (None, ""):
        assert read_chat(chat(chat_call(name="clock", arguments=arguments))).tool_calls[0].arguments == "{}"


@pytest.mark.parametrize(
    "calls",
    [
        "weather",
        [None],
        [{"id": "c"}],
        [{"id": 7, "function": {"name": "a", "arguments": "{}"}}],
        [{"function": {"name": 7}}],
    ],
)
def test_garbled_calls_in_a_chat_keep_a_usable_usage(calls):
    with pytest.raises(type(_garbled())) as failure:
        read_chat(chat({"content": None, "tool_calls": calls}))
    assert failure.value.usage.provider_tokens == 12


def test_a_call_in_a_message():
    content = [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Oslo"}},
    ]
    answer = read_message(message(content, "tool_use", input_tokens=3, output_tokens=4))
    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("I look.", (CALL,), "tool_calls")


def test_a_garbled_call_in_a_message_keeps_a_usable_usage():
    with pytest.raises(type(_garbled())) as failure:
        read_message(message([{"type": "tool_use", "id": None}], "tool_use", input_tokens=3, output_tokens=4))
    assert failure.value.usage.provider_tokens == 7


def test_what_a_call_took_is_counted_where_nothing_is_reported():
    written = {**chat(chat_call(name="weather", arguments='{"city": "Oslo"}')), "usage": None}
    assert read_chat(written, COMPATIBLE).usage.output > 0
    content = [{"type": "tool_use", "id": "c", "name": "weather", "input": {"city": "Oslo"}}]
    assert read_message({**message(content), "usage": None}).usage.output > 0


def _garbled():
    from ai_gateway.providers.errors import ProviderGarbledAnswer

    return ProviderGarbledAnswer("", delivery="unknown")


# Through the sandbox ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["required", NamedTool("clock")])
def test_a_tool_is_called_and_its_result_answered(either_way, choice):
    asked = either_way.ask("Weather?", tools=(WEATHER, CLOCK), tool_choice=choice)
    (call,) = asked.tool_calls
    assert (asked.finish_reason, asked.text) == ("tool_calls", "")
    assert call.name == (choice.name if isinstance(choice, NamedTool) else "weather")
    assert json.loads(call.arguments) == ({"city": ""} if call.name == "weather" else {})
    earlier = (
        Message("user", "Weather?"),
        Message("assistant", asked.text, tool_calls=asked.tool_calls),
        Message("tool", "It rains in Oslo.", tool_call_id=call.id),
    )
    told = either_way.ask("", tools=(WEATHER, CLOCK), earlier=earlier)
    assert (told.finish_reason, told.tool_calls) == ("stop", ())
    assert told.text.endswith("Your message has 5 words.")


def test_images_and_files_arrive(either_way):
    either_way.ask("Who?", parts=FILES)
    (entry,) = either_way.entries()
    assert (entry["images"], entry["files"]) == (1, 1)


def test_a_call_in_a_schema_takes_the_tools_schema(either_way):
    answer = either_way.ask("Weather?", tools=(WEATHER,), tool_choice="required")
    assert json.loads(answer.tool_calls[0].arguments) == {"city": ""}


# Estimates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"parts": FILES},
        {"tools": (WEATHER, CLOCK)},
        {"tools": (WEATHER,), "earlier": EARLIER},
        {"parts": FILES, "earlier": EARLIER, "tools": (WEATHER, CLOCK), "tool_choice": "required"},
    ],
)
def test_what_is_reported_is_covered(upstream, asked):
    request = make_request("Who?", **asked)
    usage = upstream.provider.complete(request).usage
    assert usage.source == "provider"
    assert usage.input_tokens <= estimate_input_tokens(request, upstream.provider.kind)


@pytest.mark.parametrize("asked", [{"parts": FILES}, {"tools": (WEATHER,)}, {"earlier": EARLIER}])
def test_files_tools_and_turns_are_counted_where_nothing_is_reported(asked):
    for kind in ("openai", "anthropic", "compatible"):
        plain, more = (count_usage(make_request("Who?", **given), "", kind).input_tokens for given in ({}, asked))
        assert more > plain + 10
        assert estimate_input_tokens(make_request("Who?", **asked), kind) >= more


def test_the_image_of_a_known_model_is_exact():
    plain, more = (
        estimate_input_tokens(make_request("Who?", model="gpt-4o", parts=parts), "openai")
        for parts in ((), (ImagePart(PNG, "image/png", "low"),))
    )
    assert more - plain == 85
    assert ANTHROPIC.kind == "anthropic"
