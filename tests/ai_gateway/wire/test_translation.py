"""Chat completions and Anthropic's messages, each asked of the other's provider, against the types of both SDKs."""

import json

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.types import Usage
from ai_gateway.wire.types import RequestRefused
from tests.ai_gateway.wire.factories import (
    CHAT_USAGE,
    CV,
    DONE,
    PIXEL,
    body,
    chat_answer,
    chat_stream,
    chunk,
    data,
    exchange,
    message_answer,
    message_stream,
    named,
    piece,
    written,
)

MESSAGE_PARAMS = TypeAdapter(MessageCreateParamsNonStreaming)
CHAT_PARAMS = TypeAdapter(CompletionCreateParamsNonStreaming)
MESSAGE_EVENT = TypeAdapter(RawMessageStreamEvent)
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS}}
MESSAGE_TOOL = {"name": "weather", "description": "Tells it.", "input_schema": PARAMETERS}
URL = f"data:image/png;base64,{PIXEL}"
PDF = "JVBERi0xLjc="
CALLS = [
    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Graz"}'}},
    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Linz"}'}},
]
USES = [
    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Graz"}},
    {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Linz"}},
]
CHAT_TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": URL}}]},
    {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
    {"role": "tool", "tool_call_id": "call_2", "content": "Sun"},
    {"role": "user", "content": [{"type": "text", "text": "So?"}]},
]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
MESSAGE_TURNS = [
    {"role": "user", "content": [{"type": "text", "text": "Look:"}, IMAGE]},
    {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, *USES]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain"},
            {"type": "tool_result", "tool_use_id": "call_2", "content": "Sun"},
            {"type": "text", "text": "So?"},
        ],
    },
]


def to_claude(**changes):
    return exchange("chat", "anthropic", **{"model": "claude-opus-5-5", **changes})


def to_gpt(kind="openai", **changes):
    return exchange("messages", kind, **{"model": "gpt-5", **changes})


def refusal(act) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        act()
    return refused.value


def encode(payload) -> bytes:
    return json.dumps(payload).encode()


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


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "text", "user", "tool", "auto", "json_schema", "function"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "role",
                    "content",
                    "text",
                    "source",
                    "url",
                    "function",
                    "name",
                    "tool_calls",
                    "input",
                    "tools",
                    "data",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = [
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "output_config",
    "stop",
    "stop_sequences",
    "system",
    "thinking",
    "metadata",
    "stream_options",
    "reasoning_effort",
    "input",
    "instructions",
    "text",
    "service_tier",
    "modalities",
]


@given(
    format_name=st.sampled_from(["chat", "messages", "responses", "embeddings"]),
    kind=st.sampled_from(["openai", "anthropic", "compatible"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3),
    content=json_values,
)
@settings(deadline=None, max_examples=400)
def test_no_body_breaks_the_gateway(format_name, kind, changes, content):
    if format_name != "embeddings":
        changes = {
            "messages": [{"role": "user", "content": content}],
            "input": [{"role": "user", "content": content}],
            **changes,
        }
    try:
        of = exchange(format_name, kind, **changes)
        of.write_request("m", 5)
    except RequestRefused:
        return
    assert of.count_input_tokens() <= of.bound_input_tokens()


def test_a_message_is_answered_as_a_chat():
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Let me see."},
        *USES,
    ]
    reply = to_claude().read_answer(encode(message_answer(content=content, stop_reason="tool_use")))
    answer = ChatCompletion.model_validate_json(reply.body, strict=True)
    assert answer.model == "claude-opus-5-5"
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content == "Let me see."
    assert [
        call.model_dump(include={"id", "type", "function"}) for call in answer.choices[0].message.tool_calls
    ] == CALLS
    assert answer.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 21,
        "completion_tokens": 9,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 6, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
    }
    assert reply.usage == Usage(
        input_uncached=12, cache_read=3, cache_write_short=4, cache_write_long=2, output=9, output_reasoning=4
    )


def test_a_chat_is_answered_as_a_message():
    message = {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS, "refusal": None}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    reply = to_gpt().read_answer(encode(chat_answer(choices=choices)))
    answer = Message.model_validate_json(reply.body)
    assert (answer.model, answer.stop_reason, answer.type, answer.role) == (
        "gpt-5-2025-08-07",
        "tool_use",
        "message",
        "assistant",
    )
    assert [block.model_dump(exclude_none=True) for block in answer.content] == [
        {"type": "text", "text": "Let me see."},
        *USES,
    ]
    assert (
        answer.usage.input_tokens,
        answer.usage.cache_read_input_tokens,
        answer.usage.cache_creation_input_tokens,
    ) == (13, 4, 2)
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.thinking_tokens) == (10, 3)


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "tool_calls"),
        ("model_context_window_exceeded", "length"),
    ],
)
def test_stop_reasons_become_finish_reasons(stop_reason, finish):
    reply = to_claude().read_answer(encode(message_answer(stop_reason=stop_reason)))
    assert json.loads(reply.body)["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"finish_reason": "stop"}, ("end_turn", None)),
        ({"finish_reason": "stop", "stop_reason": "END"}, ("stop_sequence", "END")),
        ({"finish_reason": "stop", "stop_reason": 128001}, ("end_turn", None)),
        ({"finish_reason": "length"}, ("max_tokens", None)),
        ({"finish_reason": "content_filter"}, ("refusal", None)),
    ],
)
def test_finish_reasons_become_stop_reasons(changes, ending):
    choices = [{**chat_answer()["choices"][0], **changes}]
    answer = json.loads(
        to_gpt("compatible", stop_sequences=["END"]).read_answer(encode(chat_answer(choices=choices))).body
    )
    assert (answer["stop_reason"], answer["stop_sequence"]) == ending


def test_a_refusal_is_one_in_both():
    choices = [
        {"index": 0, "message": {"role": "assistant", "content": None, "refusal": "I cannot."}, "finish_reason": "stop"}
    ]
    answer = json.loads(to_gpt().read_answer(encode(chat_answer(choices=choices))).body)
    assert (answer["stop_reason"], answer["content"]) == ("refusal", [{"type": "text", "text": "I cannot."}])


def broken_call(finish):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}
    return encode(
        chat_answer(
            choices=[
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "x", "tool_calls": [call]},
                    "finish_reason": finish,
                }
            ]
        )
    )


def test_a_call_without_arguments_that_can_be_read_is_garbled_unless_it_was_cut_off():
    with pytest.raises(ProviderGarbledAnswer) as failure:
        to_gpt().read_answer(broken_call("tool_calls"))
    assert failure.value.usage.output == 10
    answer = json.loads(to_gpt().read_answer(broken_call("length")).body)
    assert (answer["stop_reason"], answer["content"]) == ("max_tokens", [{"type": "text", "text": "x"}])


def feed_cut(reader, stream, at) -> bytes:
    return reader.feed(stream[:at]) + reader.feed(stream[at:]) + reader.finish()


def chunks_of(passed: bytes) -> list[ChatCompletionChunk]:
    assert passed.endswith(DONE)
    events = passed.removesuffix(DONE).strip().split(b"\n\n")
    return [ChatCompletionChunk.model_validate_json(event.removeprefix(b"data: "), strict=True) for event in events]


def events_of(passed: bytes) -> list:
    events = []
    for event in passed.strip().split(b"\n\n"):
        name, text = event.split(b"\n")
        payload = json.loads(text.removeprefix(b"data: "))
        assert name == b"event: " + payload["type"].encode()
        events.append(MESSAGE_EVENT.validate_python(payload))
    return events


def tool_stream() -> bytes:
    deltas = [('{"ci', 1), ('ty":"Graz"}', 1)]
    return named(
        {"type": "message_start", "message": message_answer(content=[], stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let me see."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {**USES[0], "input": {}}},
        *(
            {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": text}}
            for text, index in deltas
        ),
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "call_3", "name": "now", "input": {}},
        },
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    )


@pytest.mark.parametrize("wants_usage", [True, False])
def test_a_message_stream_becomes_chunks(wants_usage):
    stream = tool_stream()
    for at in range(0, len(stream), 7):
        reader = to_claude(stream=True, stream_options={"include_usage": wants_usage}).open_stream()
        chunks = chunks_of(feed_cut(reader, stream, at))
    text, calls = "", {}
    for one in chunks:
        for choice in one.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                kept = calls.setdefault(call.index, {"id": call.id, "name": call.function.name, "arguments": ""})
                kept["arguments"] += call.function.arguments
    assert text == "Let me see."
    assert list(calls.values()) == [
        {"id": "call_1", "name": "weather", "arguments": '{"city":"Graz"}'},
        {"id": "call_3", "name": "now", "arguments": "{}"},
    ]
    assert [choice.finish_reason for one in chunks for choice in one.choices if choice.finish_reason] == ["tool_calls"]
    assert [one.usage.total_tokens for one in chunks if one.usage] == ([30] if wants_usage else [])
    assert (reader.is_complete, reader.usage.provider_tokens, reader.error) == (True, 30, None)


def test_a_chat_stream_becomes_events():
    calls = [{"index": 0, **CALLS[0], "function": {"name": "weather", "arguments": ""}}]
    more = [{"index": 0, "function": {"arguments": '{"city":"Graz"}'}}]
    second = [{"index": 1, **CALLS[1]}]
    stream = data(
        chunk([piece("", role="assistant", content="")]),
        chunk([piece("Let me ")]),
        chunk([piece("see.")]),
        chunk([piece("", tool_calls=calls)]),
        chunk([piece("", tool_calls=more)]),
        chunk([piece("", tool_calls=second)]),
        chunk([piece("", finish="tool_calls")]),
        chunk([], usage=CHAT_USAGE),
    )
    for at in range(0, len(stream), 7):
        reader = to_gpt(stream=True).open_stream()
        events = events_of(feed_cut(reader, stream + DONE, at))
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event.index for event in events if event.type == "content_block_start"] == [0, 1, 2]
    assert [
        event.delta.partial_json
        for event in events
        if getattr(getattr(event, "delta", None), "type", "") == "input_json_delta"
    ] == ['{"city":"Graz"}', '{"city":"Linz"}']
    last = events[-2]
    assert (last.delta.stop_reason, last.usage.input_tokens, last.usage.output_tokens) == ("tool_use", 13, 10)
    assert (reader.is_complete, reader.finish_reason, reader.model) == (True, "tool_calls", "gpt-5-2025-08-07")


def test_a_server_without_usage_or_end_is_translated_to_the_end():
    reader = to_gpt("compatible", stream=True).open_stream()
    passed = reader.feed(chat_stream("Hello ", "there", usage=None, done=b"")) + reader.finish()
    events = events_of(passed)
    assert events[-1].type == "message_stop"
    assert events[-2].usage.output_tokens == 2
    assert reader.settle_usage().source == "counted"


def test_a_stream_that_breaks_has_no_end():
    reader = to_claude(stream=True).open_stream()
    stream = message_stream("Hello there")
    passed = reader.feed(stream[: stream.index(b"event: content_block_stop")]) + reader.finish()
    assert b"Hello there" in passed
    assert b"[DONE]" not in passed
    assert not reader.is_complete
    assert reader.settle_usage().input_tokens == 21


def test_errors_in_the_middle_are_translated():
    reader = to_claude(stream=True).open_stream()
    passed = reader.feed(named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    assert json.loads(passed.removeprefix(b"data: "))["error"] == {
        "message": "Overloaded",
        "type": "server_error",
        "param": None,
        "code": "overloaded_error",
    }
    assert reader.error == {"type": "overloaded_error", "message": "Overloaded"}
    reader = to_gpt(stream=True).open_stream()
    passed = reader.feed(data({"error": {"message": "boom", "code": "server_error"}}))
    assert passed.startswith(b"event: error\n")
    assert json.loads(passed.split(b"data: ")[1])["error"]["message"] == "boom"


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
words = text.map(lambda value: {"type": "text", "text": value})


@given(
    st.lists(words, min_size=1, max_size=3),
    st.lists(words, min_size=1, max_size=2),
    st.dictionaries(text, st.integers() | text, max_size=3),
)
@settings(deadline=None)
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
