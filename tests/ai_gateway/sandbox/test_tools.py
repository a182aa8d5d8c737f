"""Tools through the real SDKs: called where they must be, streamed or not."""

import json
from typing import Any

import anthropic
import openai
import pytest

from ai_gateway.sandbox.tokens_count import count_tokens

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 4}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
ARGUMENTS = {"city": "xxxx", "days": 2}
CHAT_TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": "d", "parameters": SCHEMA}}
    for name in ("first", "second")
]
NAMED: Any = {"type": "function", "function": {"name": "second"}}
RESPONSES_TOOLS: Any = [{"type": "function", "name": "first", "parameters": SCHEMA, "strict": False}]
MESSAGES_TOOLS: Any = [{"name": name, "description": "d", "input_schema": SCHEMA} for name in ("first", "second")]
ASKED: Any = [{"role": "user", "content": "Weather?"}]


def test_a_chat_calls_the_tool_that_is_required(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice="required")
    (choice,) = answer.choices
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content, call.function.name) == ("tool_calls", None, "first")
    assert json.loads(call.function.arguments) == ARGUMENTS
    assert answer.usage.completion_tokens == count_tokens(call.function.arguments)


def test_a_chat_calls_the_tool_that_is_named(openai_client: openai.OpenAI) -> None:
    answer = openai_client.chat.completions.create(model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice=NAMED)
    assert answer.choices[0].message.tool_calls[0].function.name == "second"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_chat_that_need_not_call_a_tool_answers(openai_client: openai.OpenAI, choice: Any) -> None:
    answer = openai_client.chat.completions.create(model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice=choice)
    assert (answer.choices[0].finish_reason, answer.choices[0].message.tool_calls) == ("stop", None)


def test_a_tool_that_is_not_there_is_refused(openai_client: openai.OpenAI) -> None:
    other: Any = {"type": "function", "function": {"name": "third"}}
    with pytest.raises(openai.BadRequestError, match="'third' not found"):
        openai_client.chat.completions.create(model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice=other)


def test_a_streamed_chat_calls_the_same(openai_client: openai.OpenAI) -> None:
    stream = openai_client.chat.completions.stream(
        model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice="required", stream_options={"include_usage": True}
    )
    with stream as events:
        final = events.get_final_completion()
    (call,) = final.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("first", ARGUMENTS)
    assert final.usage.completion_tokens == count_tokens(call.function.arguments)


def test_a_response_calls_the_tool_that_is_required(openai_client: openai.OpenAI) -> None:
    asked: Any = {"model": "m", "input": "Weather?", "tools": RESPONSES_TOOLS, "tool_choice": "required"}
    (item,) = openai_client.responses.create(**asked).output
    assert (item.type, item.name, json.loads(item.arguments)) == ("function_call", "first", ARGUMENTS)
    with openai_client.responses.stream(**asked) as stream:
        (streamed,) = stream.get_final_response().output
    assert (streamed.name, streamed.arguments) == (item.name, item.arguments)


def test_a_response_calls_the_tool_that_is_named(openai_client: openai.OpenAI) -> None:
    named: Any = {"type": "function", "name": "first"}
    (item,) = openai_client.responses.create(
        model="m", input="Weather?", tools=RESPONSES_TOOLS, tool_choice=named
    ).output
    assert item.name == "first"


@pytest.mark.parametrize(
    ("choice", "name"), [({"type": "any"}, "first"), ({"type": "tool", "name": "second"}, "second")]
)
def test_a_message_uses_the_tool_that_it_must(anthropic_client: anthropic.Anthropic, choice: Any, name: str) -> None:
    asked: Any = {"model": "m", "max_tokens": 99, "messages": ASKED, "tools": MESSAGES_TOOLS, "tool_choice": choice}
    answer = anthropic_client.messages.create(**asked)
    (block,) = answer.content
    assert (answer.stop_reason, block.name, block.input) == ("tool_use", name, ARGUMENTS)
    with anthropic_client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    assert (streamed.stop_reason, streamed.content[0].name, streamed.content[0].input) == ("tool_use", name, ARGUMENTS)
    assert streamed.usage == answer.usage


def test_a_call_cut_at_the_limit_says_so(openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic) -> None:
    chat = openai_client.chat.completions.create(
        model="m", messages=ASKED, tools=CHAT_TOOLS, tool_choice="required", max_completion_tokens=3
    )
    assert chat.choices[0].finish_reason == "length"
    choice: Any = {"type": "any"}
    message = anthropic_client.messages.create(
        model="m", messages=ASKED, tools=MESSAGES_TOOLS, tool_choice=choice, max_tokens=3
    )
    assert message.stop_reason == "max_tokens"


def test_images_and_files_are_counted(sandbox, key, openai_client: openai.OpenAI) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    file: Any = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}
    text: Any = {"type": "text", "text": "Hello"}
    plain = openai_client.chat.completions.create(model="m", messages=[{"role": "user", "content": [text]}])
    both = openai_client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": [image, image, file, text]}]
    )
    assert both.usage.prompt_tokens - plain.usage.prompt_tokens == 3 * 85
    assert [(entry["images"], entry["files"]) for entry in sandbox.requests(key)] == [(0, 0), (2, 1)]


def test_a_tool_that_was_used_is_input_and_no_image(sandbox, key, anthropic_client: anthropic.Anthropic) -> None:
    used: Any = {"type": "tool_use", "id": "t", "name": "first", "input": ARGUMENTS}
    result: Any = {"type": "tool_result", "tool_use_id": "t", "content": "Rain."}
    turns: Any = [*ASKED, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    anthropic_client.messages.create(model="m", max_tokens=99, messages=turns, tools=MESSAGES_TOOLS)
    assert sandbox.requests(key)[0]["images"] == 0
