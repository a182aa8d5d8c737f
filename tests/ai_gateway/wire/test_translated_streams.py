"""Streams of one format's provider, passed on in the other format, against the types of both SDKs."""

import json

import pytest
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter

from tests.ai_gateway.wire.conversations import CALLS, USES, to_claude, to_gpt
from tests.ai_gateway.wire.factories import (
    CHAT_USAGE,
    DONE,
    chat_stream,
    chunk,
    data,
    message_answer,
    message_stream,
    named,
    piece,
)

MESSAGE_EVENT = TypeAdapter(RawMessageStreamEvent)


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
