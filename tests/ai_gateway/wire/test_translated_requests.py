"""Chat completions and Anthropic's messages, each asked of the other's provider, against the types of both SDKs."""

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from ai_gateway.wire.asked import read_asked
from ai_gateway.wire.exchanges import open_exchange
from tests.ai_gateway.wire.conversations import (
    CHAT_TOOL,
    CHAT_TURNS,
    IMAGE,
    MESSAGE_TOOL,
    MESSAGE_TURNS,
    PDF,
    SCHEMA,
    URL,
    refusal,
    to_claude,
    to_gpt,
)
from tests.ai_gateway.wire.factories import CV, body, exchange, written

MESSAGE_PARAMS = TypeAdapter(MessageCreateParamsNonStreaming)
CHAT_PARAMS = TypeAdapter(CompletionCreateParamsNonStreaming)


@pytest.mark.parametrize(
    ("of", "format_name", "kind", "model"),
    [
        (to_claude(messages=CHAT_TURNS, tools=[CHAT_TOOL]), "messages", "anthropic", "claude-opus-5-5"),
        (to_gpt(messages=MESSAGE_TURNS, tools=[MESSAGE_TOOL]), "chat", "openai", "gpt-5"),
    ],
)
def test_a_translated_call_is_bounded_by_what_its_provider_gets(of, format_name, kind, model):
    sent = open_exchange(read_asked(format_name, written(of)), kind, model)

    assert of.bound_input_tokens() == sent.bound_input_tokens()
    assert of.count_input_tokens() == sent.count_input_tokens()


def test_a_chat_becomes_a_message():
    of = to_claude(
        messages=CHAT_TURNS,
        max_tokens=9,
        stop="END",
        tools=[CHAT_TOOL],
        tool_choice="required",
        parallel_tool_calls=False,
        reasoning_effort="high",
        user="u-1",
        temperature=1.0,
        n=1,
        metadata={"trace_id": "t"},
        response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}},
    )
    sent = written(of, 77)
    assert of.path == "messages"
    assert sent == {
        "model": "served",
        "max_tokens": 77,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": MESSAGE_TURNS,
        "stop_sequences": ["END"],
        "tools": [MESSAGE_TOOL],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u-1"},
        "output_config": {
            "effort": "high",
            "format": {"type": "json_schema", "schema": {**SCHEMA, "title": "verdict"}},
        },
    }
    MESSAGE_PARAMS.validate_python(sent)


def test_a_message_becomes_a_chat():
    of = to_gpt(
        messages=MESSAGE_TURNS,
        system="Be brief.",
        stop_sequences=["END"],
        tools=[{**MESSAGE_TOOL, "cache_control": {"type": "ephemeral"}}],
        tool_choice={"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        metadata={"user_id": "u-1", "trace_id": "t"},
        temperature=0.5,
        thinking={"type": "disabled"},
    )
    sent = written(of, 77)
    assert of.path == "chat/completions"
    assert sent == {
        "model": "served",
        "max_completion_tokens": 77,
        "store": False,
        "messages": CHAT_TURNS,
        "stop": ["END"],
        "tools": [CHAT_TOOL],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "reasoning_effort": "high",
        "user": "u-1",
        "temperature": 0.5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}},
    }
    CHAT_PARAMS.validate_python(sent)


def test_a_compatible_server_gets_its_dialect():
    sent = written(to_gpt("compatible", stream=True), 77)
    assert sent == {
        "model": "served",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 77,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_files_are_translated():
    file = {"type": "file", "file": {"filename": "cv.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
    document = {
        "type": "document",
        "title": "cv.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
    }
    assert written(to_claude(messages=[{"role": "user", "content": [file]}]))["messages"][0]["content"] == [document]
    assert written(to_gpt(messages=[{"role": "user", "content": [document]}]))["messages"][0]["content"] == [file]


@pytest.mark.parametrize(
    ("choice", "translated"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "any"),
        ({"type": "function", "function": {"name": "f"}}, "tool"),
    ],
)
def test_tool_choices_are_translated(choice, translated):
    assert written(to_claude(tools=[CHAT_TOOL], tool_choice=choice))["tool_choice"]["type"] == translated
    back = {"type": translated, "name": "f"} if translated == "tool" else {"type": translated}
    assert written(to_gpt(tools=[MESSAGE_TOOL], tool_choice=back))["tool_choice"] == choice


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"temperature": 0}, "temperature"),
        ({"top_p": 0.9}, "top_p"),
        ({"n": 2}, "n"),
        ({"seed": 5}, "seed"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"frequency_penalty": 0.1}, "frequency_penalty"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"verbosity": "low"}, "verbosity"),
        ({"reasoning_effort": "none"}, "reasoning_effort"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"something_new": 1}, "something_new"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools"),
        ({"tools": [CHAT_TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice"),
        (
            {"messages": user({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})},
            "messages[0].content",
        ),
        (
            {"messages": user({"type": "image_url", "image_url": {"url": URL, "detail": "low"}})},
            "messages[0].content.image_url.detail",
        ),
        ({"messages": [{"role": "user", "content": "Hi", "name": "Jo"}]}, "messages[0].name"),
        ({"messages": [*user({"type": "text", "text": "Hi"}), {"role": "system", "content": "x"}]}, "messages[1].role"),
        (
            {"messages": [*user({"type": "text", "text": "Hi"}), {"role": "assistant", "content": "The answer is"}]},
            "messages[1]",
        ),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"type": "function", "id": "c", "function": {"name": "f", "arguments": "{"}}],
                    }
                ]
            },
            "messages[0].tool_calls.function.arguments",
        ),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
    ],
)
def test_what_claude_cannot_do_is_refused_by_name(changes, param):
    refused = refusal(lambda: to_claude(**changes))
    assert (refused.code, refused.param) == ("unsupported_translation", param)
    assert f"'{param}'" in refused.message


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"top_k": 5}, "top_k"),
        ({"thinking": {"type": "adaptive"}}, "thinking"),
        ({"stop_sequences": list("abcde")}, "stop_sequences"),
        ({"something_new": 1}, "something_new"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools"),
        (
            {
                "output_config": {
                    "format": {
                        "type": "json_schema",
                        "schema": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
                    }
                }
            },
            "output_config.format.schema",
        ),
        (
            {"messages": user({"type": "text", "text": "Hi", "citations": [{"type": "char_location"}]})},
            "messages.0.content.citations",
        ),
        (
            {
                "messages": user(
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
                )
            },
            "messages.0.content.source",
        ),
        (
            {"messages": user({"type": "search_result", "title": "t", "source": "s", "content": []})},
            "messages.0.content",
        ),
        (
            {"messages": user({"type": "text", "text": "Hi"}, {"type": "tool_result", "tool_use_id": "t"})},
            "messages.0.content",
        ),
        (
            {"messages": user({"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": True})},
            "messages.0.content.is_error",
        ),
        (
            {"messages": user({"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]})},
            "messages.0.content.content",
        ),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}]},
            "messages.0.content",
        ),
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]}, "messages.1"),
    ],
)
def test_what_gpt_cannot_do_is_refused_by_name(changes, param):
    refused = refusal(lambda: to_gpt(**changes))
    assert (refused.code, refused.param) == ("unsupported_translation", param)


def test_a_compatible_server_has_no_effort():
    assert refusal(lambda: to_gpt("compatible", output_config={"effort": "low"})).param == "output_config.effort"


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
words = text.map(lambda value: {"type": "text", "text": value})


@given(
    st.lists(words, min_size=1, max_size=3),
    st.lists(words, min_size=1, max_size=2),
    st.dictionaries(text, st.integers() | text, max_size=3),
)
def test_a_conversation_survives_the_way_there_and_back(first, results, arguments):
    turns = [
        {"role": "user", "content": first},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": arguments}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "content": results if len(results) > 1 else results[0]["text"],
                }
            ],
        },
    ]
    there = written(to_gpt(messages=turns))["messages"]
    assert written(to_claude(messages=there))["messages"] == turns


def test_counts_are_those_of_the_translated_call():
    messages = [{"role": "user", "content": CV * 20}]
    claude, gpt = to_claude(messages=messages), exchange("messages", "anthropic", messages=messages)
    assert claude.count_input_tokens() == gpt.count_input_tokens()
    assert claude.bound_input_tokens() == gpt.bound_input_tokens()


@pytest.mark.parametrize("changes", [{"model": "claude-opus-5-5"}, {"model": "claude-opus-5-5", "stream": True}])
def test_responses_are_not_translated(changes):
    assert refusal(lambda: exchange("responses", "anthropic", **changes)).code == "unsupported_translation"
    assert body("responses")["model"] == "gpt-5"
