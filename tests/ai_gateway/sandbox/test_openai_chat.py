"""Chat Completions through the real openai SDK."""

import json
from typing import Any

import openai
import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from ai_gateway.sandbox.tokens_count import count_tokens

MESSAGES: list[Any] = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello there, sandbox"}]
# Two messages of 3 + role + content, and 3 to prime the answer.
INPUT_TOKENS = 3 + 2 * (3 + 1) + count_tokens("Be kind.") + count_tokens("Hello there, sandbox")


class Colour(BaseModel):
    name: str
    shades: list[int]


def test_a_plain_question_is_answered_in_a_sentence_that_says_what_it_is(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model="gpt-6-luna", messages=MESSAGES)
    (choice,) = completion.choices
    assert choice.message.content == (
        "This is Winnow's sandbox. It answers by rules, not by AI, and knows only hiring prompts. "
        "Your message has 5 words."
    )
    assert (completion.model, choice.finish_reason, completion.object) == ("gpt-6-luna", "stop", "chat.completion")
    assert completion._request_id
    assert completion.id == f"chatcmpl-{completion._request_id}"


def test_usage_is_counted_by_tiktoken(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model="sandbox-rules-1", messages=MESSAGES)
    output = count_tokens(completion.choices[0].message.content or "")
    assert isinstance(completion.usage, CompletionUsage)
    assert completion.usage.prompt_tokens == INPUT_TOKENS
    assert completion.usage.completion_tokens == output
    assert completion.usage.total_tokens == INPUT_TOKENS + output
    assert completion.usage.prompt_tokens_details.cached_tokens == 0  # type: ignore[union-attr]
    assert completion.usage.completion_tokens_details.reasoning_tokens == 0  # type: ignore[union-attr]


def test_a_schema_and_tools_count_as_input(openai_client: openai.OpenAI) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    completion = openai_client.chat.completions.create(model="m", messages=MESSAGES, tools=tools)
    tools_tokens = count_tokens(json.dumps(tools, separators=(",", ":")))
    assert completion.usage.prompt_tokens == INPUT_TOKENS + tools_tokens  # type: ignore[union-attr]
    assert completion.choices[0].message.tool_calls is None


@pytest.mark.parametrize("parameter", ["max_completion_tokens", "max_tokens"])
def test_an_answer_stops_at_the_output_limit(openai_client: openai.OpenAI, parameter: str) -> None:
    completion = openai_client.chat.completions.create(model="m", messages=MESSAGES, **{parameter: 5})
    assert completion.choices[0].finish_reason == "length"
    assert completion.choices[0].message.content == "This is Winnow's"
    assert completion.usage.completion_tokens == 5  # type: ignore[union-attr]


def test_the_sdks_own_structured_output_is_parsed(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Colour)
    assert completion.choices[0].message.parsed == Colour(name="", shades=[])


def test_json_mode_gives_an_object(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(
        model="m", messages=MESSAGES, response_format={"type": "json_object"}
    )
    assert completion.choices[0].message.content == "{}"


def test_every_choice_is_counted(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model="m", messages=MESSAGES, n=3)
    one = count_tokens(completion.choices[0].message.content or "")
    assert [choice.index for choice in completion.choices] == [0, 1, 2]
    assert completion.usage.completion_tokens == 3 * one  # type: ignore[union-attr]


def test_a_stream_gives_the_same_text_and_its_usage_in_a_last_chunk(openai_client: openai.OpenAI) -> None:
    whole = openai_client.chat.completions.create(model="m", messages=MESSAGES)
    stream = openai_client.chat.completions.create(
        model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {chunk.usage for chunk in chunks[:-1]} == {None}
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert len(chunks) > 5


def test_a_stream_without_include_usage_has_none(openai_client: openai.OpenAI) -> None:
    chunks = list(openai_client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert {chunk.usage for chunk in chunks} == {None}
    assert all(chunk.choices for chunk in chunks)


def test_the_sdks_stream_helper_parses_structured_output(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(model="m", messages=MESSAGES, response_format=Colour) as stream:
        stream.until_done()
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == Colour(name="", shades=[])


def test_text_and_images_are_read_from_parts(openai_client: openai.OpenAI) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "one two"}, image]}]
    completion = openai_client.chat.completions.create(model="m", messages=parts)
    assert (completion.choices[0].message.content or "").endswith("Your message has 2 words.")
    assert completion.usage.prompt_tokens == 3 + 3 + 1 + count_tokens("one two") + 85  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "no role"}]}, "messages"),
        ({"messages": MESSAGES, "max_completion_tokens": 0}, "max_completion_tokens"),
        ({"messages": MESSAGES, "max_completion_tokens": "5"}, "max_completion_tokens"),
        ({"messages": MESSAGES, "n": 9}, "n"),
        ({"messages": MESSAGES, "response_format": {"type": "xml"}}, "response_format.type"),
    ],
)
def test_a_bad_request_is_refused_by_field(openai_client: openai.OpenAI, body: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(model="m", **body)
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "object", "properties": {}}, "additionalProperties"),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": False}, "required"),
        ({"type": "object", "properties": {}, "additionalProperties": False, "allOf": []}, "allOf"),
    ],
)
def test_a_schema_that_strict_mode_would_refuse_is_refused(
    openai_client: openai.OpenAI, schema: dict[str, Any], problem: str
) -> None:
    asked: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    with pytest.raises(openai.BadRequestError, match=problem):
        openai_client.chat.completions.create(model="m", messages=MESSAGES, response_format=asked)


def test_a_schema_without_any_value_is_refused(openai_client: openai.OpenAI) -> None:
    schema = {"type": "string", "pattern": "^[0-9]{4}$"}
    asked: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="cannot answer in this schema"):
        openai_client.chat.completions.create(model="m", messages=MESSAGES, response_format=asked)
