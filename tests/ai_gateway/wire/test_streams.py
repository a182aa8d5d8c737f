"""Streams where caller and provider speak the same format, however their bytes are cut."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.estimating import count_tokens
from ai_gateway.providers.types import Usage
from ai_gateway.wire.same_format import EventReader
from tests.ai_gateway.wire.factories import (
    CHAT_USAGE,
    DONE,
    chat_stream,
    chunk,
    data,
    exchange,
    message_stream,
    named,
    piece,
    response,
    response_stream,
)

OPENAI_USAGE = Usage(input_uncached=13, cache_read=4, cache_write_short=2, output=10, output_reasoning=3)
MESSAGE_USAGE = Usage(
    input_uncached=12, cache_read=3, cache_write_short=4, cache_write_long=2, output=9, output_reasoning=4
)
RESPONSE_USAGE = Usage(
    input_uncached=25, cache_read=8, cache_write_short=3, cache_write_long=1, output=11, output_reasoning=2
)
TEXTS = ("Grüße, ", "候选人", " 🚀", '"usage": {"error": [DONE]')
LAST_CHUNK = data(chunk([], usage=CHAT_USAGE))


def open_stream(format_name="chat", kind=None, **changes) -> EventReader:
    return exchange(format_name, kind, stream=True, **changes).open_stream()


def feed(reader, stream: bytes, sizes=()) -> bytes:
    """Feed in pieces of these sizes, then all the rest."""
    received, at = [], 0
    for size in sizes:
        received.append(reader.feed(stream[at : at + size]))
        at += size
    received.append(reader.feed(stream[at:]))
    received.append(reader.finish())
    return b"".join(received)


def state(reader) -> tuple:
    return reader.is_complete, reader.error, reader.usage, reader.model, reader.finish_reason, reader.service_tier


STREAMS = {
    "chat": (chat_stream(*TEXTS), ("chat", "openai", {})),
    "chat with usage": (chat_stream(*TEXTS), ("chat", "openai", {"stream_options": {"include_usage": True}})),
    "chat of a server with other line ends": (
        b": welcome\r\n\r\n" + chat_stream(*TEXTS).replace(b"\n", b"\r\n"),
        ("chat", "compatible", {}),
    ),
    "messages": (message_stream(*TEXTS), ("messages", "anthropic", {})),
    "responses": (response_stream(*TEXTS), ("responses", "openai", {})),
}
EXPECTED = {
    "chat": (chat_stream(*TEXTS, usage=None), OPENAI_USAGE, "gpt-5-2025-08-07", "default"),
    "chat with usage": (chat_stream(*TEXTS), OPENAI_USAGE, "gpt-5-2025-08-07", "default"),
    "chat of a server with other line ends": (
        b": welcome\r\n\r\n" + chat_stream(*TEXTS, usage=None).replace(b"\n", b"\r\n"),
        OPENAI_USAGE,
        "gpt-5-2025-08-07",
        "default",
    ),
    "messages": (message_stream(*TEXTS), MESSAGE_USAGE, "claude-opus-5-5", "standard"),
    "responses": (response_stream(*TEXTS), RESPONSE_USAGE, "gpt-5-2025-08-07", "flex"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_passed_on_and_its_usage_is_known(name):
    stream, (format_name, kind, changes) = STREAMS[name]
    passed, usage, model, tier = EXPECTED[name]
    reader = open_stream(format_name, kind, **changes)
    assert feed(reader, stream) == passed
    assert state(reader) == (True, None, usage, model, "stop", tier)
    assert reader.settle_usage() is reader.usage


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_every_byte_gives_the_same(name):
    stream, (format_name, kind, changes) = STREAMS[name]
    for at in range(len(stream)):
        reader = open_stream(format_name, kind, **changes)
        assert feed(reader, stream, [at]) == EXPECTED[name][0]
        assert state(reader)[:3] == (True, None, EXPECTED[name][1])


@given(name=st.sampled_from(sorted(STREAMS)), sizes=st.lists(st.integers(1, 400), max_size=60))
def test_a_stream_in_any_pieces_gives_the_same(name, sizes):
    stream, (format_name, kind, changes) = STREAMS[name]
    reader = open_stream(format_name, kind, **changes)
    assert feed(reader, stream, sizes) == EXPECTED[name][0]
    assert state(reader)[:3] == (True, None, EXPECTED[name][1])


@given(
    name=st.sampled_from(["chat", "messages", "responses"]),
    share=st.floats(0, 1),
    sizes=st.lists(st.integers(1, 200), max_size=30),
)
def test_a_stream_that_breaks_passes_on_whole_events_and_has_a_usage(name, share, sizes):
    stream, (format_name, kind, changes) = STREAMS[name]
    cut = int(share * len(stream))
    reader = open_stream(format_name, kind, **changes)
    passed = feed(reader, stream[:cut], sizes)
    assert EXPECTED[name][0].startswith(passed.removesuffix(b"\n\n"))
    assert passed == b"" or passed.endswith(b"\n\n")
    assert reader.settle_usage().input_tokens > 0


def test_a_broken_chat_is_counted_by_what_was_received_of_all_choices():
    calls = [{"index": 0, "id": "c", "type": "function", "function": {"name": "find", "arguments": ""}}]
    more = [{"index": 0, "function": {"arguments": '{"city": "Graz"}'}}]
    stream = data(
        chunk([piece("", role="assistant", content="")]),
        chunk([piece("", reasoning_content="Let me "), piece("Hello ", 1)]),
        chunk([piece("", reasoning_content="think."), piece("there", 1)]),
        chunk([piece("", tool_calls=calls)]),
        chunk([piece("", tool_calls=more)]),
    )
    reader = open_stream(n=2)
    feed(reader, stream + b'data: {"choices": [{"delta": {"content": "lost')
    texts = ("Let me think.", "Hello there", "find", '{"city": "Graz"}')
    output = sum(count_tokens(text, "gpt-5") for text in texts)
    assert reader.settle_usage() == Usage(input_uncached=8, output=output, source="counted")
    assert not reader.is_complete


def test_a_broken_message_keeps_its_reported_input():
    stream = message_stream("Hello there, this is a longer text.")
    reader = open_stream("messages")
    feed(reader, stream[: stream.index(b"event: message_delta")])
    assert reader.usage is None
    usage = reader.settle_usage()
    assert (usage.input_tokens, usage.cache_write_long, usage.source) == (21, 2, "counted")
    assert usage.output >= count_tokens("Hello there, this is a longer text.", "")


def test_a_broken_response_is_counted():
    stream = response_stream("Hello ", "there")
    reader = open_stream("responses")
    feed(reader, stream[: stream.index(b"event: response.completed")])
    assert reader.settle_usage() == Usage(input_uncached=8, output=2, source="counted")


def test_a_chat_without_usage_is_counted():
    reader = open_stream()
    feed(reader, chat_stream("Hello ", "there", usage=None))
    assert (reader.is_complete, reader.usage) == (True, None)
    assert reader.settle_usage() == Usage(input_uncached=8, output=2, source="counted")


def test_the_last_usage_wins_where_each_chunk_has_one():
    def so_far(tokens):
        return {"prompt_tokens": 19, "completion_tokens": tokens, "total_tokens": 19 + tokens}

    chunks = [chunk([piece("Hello")], usage=so_far(1)), chunk([piece(" there")], usage=so_far(2))]
    end = data(chunk([], usage=so_far(2)))
    reader = open_stream("chat", "compatible")
    assert feed(reader, data(*chunks) + end + DONE) == data(*chunks) + DONE
    assert reader.usage == Usage(input_uncached=19, output=2)


def test_text_after_the_last_cumulative_usage_is_counted():
    usage = {"prompt_tokens": 19, "completion_tokens": 1, "total_tokens": 20}
    reader = open_stream("chat", "compatible")
    feed(reader, data(chunk([piece("Hello")], usage=usage), chunk([piece("Hello there")])))
    assert reader.settle_usage() == Usage(input_uncached=19, output=3, source="counted")


def test_zeros_are_no_usage():
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    reader = open_stream("chat", "compatible")
    feed(reader, data(chunk([piece("Hello there")], usage=zeros)) + DONE)
    assert reader.settle_usage() == Usage(input_uncached=8, output=2, source="counted")
    reader = open_stream("chat", "compatible")
    feed(reader, LAST_CHUNK + data(chunk([piece("Hello")], usage=zeros)) + DONE)
    assert reader.settle_usage() == OPENAI_USAGE


def test_llama_cpps_timings_stand_in_for_usage():
    timings = {"cache_n": 5, "prompt_n": 7, "prompt_ms": 2.5, "predicted_n": 3}
    reader = open_stream("chat", "compatible")
    feed(reader, data(chunk([piece("Hello")]), chunk([piece("", finish="stop")], timings=timings)) + DONE)
    assert reader.usage == Usage(input_uncached=7, cache_read=5, output=3)


def test_a_usage_chunk_in_several_lines_of_data_is_found():
    lines = json.dumps(chunk([], usage=CHAT_USAGE), indent=1).encode().replace(b"\n", b"\ndata: ")
    reader = open_stream()
    assert feed(reader, chat_stream("Hi", usage=None, done=b"") + b"data: " + lines + b"\n\n" + DONE) == chat_stream(
        "Hi", usage=None
    )
    assert reader.usage == OPENAI_USAGE


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_how_a_server_writes_its_json_does_not_matter(separators):
    events = data(chunk([piece("Hi")], usage=None), chunk([piece("", finish="stop")]), separators=separators)
    last = data(chunk([], usage=CHAT_USAGE), separators=separators)
    reader = open_stream()
    assert feed(reader, events + last + DONE) == events + DONE
    assert state(reader)[:3] == (True, None, OPENAI_USAGE)


@pytest.mark.parametrize(("ends", "complete"), [((0, 1), True), ((0,), False)])
def test_a_server_that_leaves_out_the_end_is_complete_once_every_choice_has_ended(ends, complete):
    reader = open_stream(n=2)
    feed(reader, data(chunk([piece("Hi", 0), piece("Ho", 1)]), *(chunk([piece("", index, "stop")]) for index in ends)))
    assert reader.is_complete is complete


def test_an_end_without_a_blank_line_is_one():
    reader = open_stream()
    assert feed(reader, chat_stream("Hi", usage=None).removesuffix(b"\n\n")) == chat_stream("Hi", usage=None)
    assert reader.is_complete


def test_the_first_chunk_without_choices_or_usage_stays():
    first = data(chunk([], prompt_filter_results=[]))
    reader = open_stream()
    assert feed(reader, first + chat_stream("Hi", usage=None)) == first + chat_stream("Hi", usage=None)


@pytest.mark.parametrize(
    ("format_name", "event", "error"),
    [
        (
            "chat",
            data({"error": {"message": "boom", "type": "server_error"}}),
            {"message": "boom", "type": "server_error"},
        ),
        ("chat", data({"error": "boom"}), {"message": "boom"}),
        (
            "chat",
            data({"error": {"code": 500, "message": "boom"}}, separators=(",", ":")),
            {"code": 500, "message": "boom"},
        ),
        (
            "messages",
            named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            {"type": "overloaded_error", "message": "Overloaded"},
        ),
        (
            "responses",
            named({"type": "error", "code": "server_error", "message": "boom", "param": None, "sequence_number": 3}),
            {"type": "error", "code": "server_error", "message": "boom", "param": None, "sequence_number": 3},
        ),
    ],
)
def test_an_error_in_the_middle_is_seen_and_passed_on(format_name, event, error):
    begun = {
        "chat": data(chunk([piece("Hi")])),
        "messages": message_stream("Hi").partition(b"event: content_block_stop")[0],
        "responses": response_stream("Hi").partition(b"event: response.completed")[0],
    }[format_name]
    reader = open_stream(format_name)
    assert feed(reader, begun + event) == begun + event
    assert (reader.error, reader.is_complete) == (error, False)


def test_an_error_as_the_first_event_is_seen():
    reader = open_stream()
    feed(reader, data({"error": {"message": "boom"}}))
    assert reader.error == {"message": "boom"}


def test_an_error_is_passed_on_without_a_key():
    reader = open_stream()
    passed = feed(reader, data({"error": {"message": "Incorrect API key provided: sk-proj-abcdef123456."}}))
    assert passed == data({"error": {"message": "Incorrect API key provided: [key]"}})


def test_a_failed_response_has_ended_with_an_error():
    end = response(status="failed", usage=None, output=[], error={"code": "server_error", "message": "boom"})
    reader = open_stream("responses")
    feed(reader, response_stream(end=end))
    assert state(reader)[:3] == (True, {"code": "server_error", "message": "boom"}, None)
    assert reader.settle_usage() == Usage(source="counted")


def test_an_incomplete_response_has_its_usage():
    reader = open_stream("responses")
    feed(
        reader,
        response_stream("Hi", end=response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})),
    )
    assert (reader.is_complete, reader.usage, reader.finish_reason) == (True, RESPONSE_USAGE, "length")


def test_later_usage_of_a_message_overwrites_and_null_keeps():
    usage = {"output_tokens": 30, "input_tokens": 14, "cache_read_input_tokens": None}
    reader = open_stream("messages")
    feed(reader, message_stream("Hi", usage=usage))
    assert reader.usage == Usage(input_uncached=14, cache_read=3, cache_write_short=4, cache_write_long=2, output=30)


def test_a_stream_of_a_thousand_chunks_costs_little():
    chunks = [data(chunk([piece(" word")], usage=None), separators=(",", ":"))] * 1000
    fed, parsed = [], []
    for _ in range(5):
        reader = open_stream()
        started = time.perf_counter()
        for one in chunks:
            reader.feed(one)
        read = time.perf_counter()
        for one in chunks:
            json.loads(one.removeprefix(b"data: "))
        fed.append(read - started)
        parsed.append(time.perf_counter() - read)
    assert min(fed) < 4 * min(parsed)  # of parsing each with the standard library
    assert reader.settle_usage().output == 1000
