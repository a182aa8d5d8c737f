"""Streams of every adapter against the sandbox: whole, broken, left, and in the hands of tasks."""

import asyncio
import json

import pytest

from ai_gateway.estimating import count_tokens, count_usage
from ai_gateway.providers.errors import (
    ProviderError,
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)
from tests.ai_gateway.providers.conftest import SCHEMA, make_request
from tests.ai_gateway.providers.test_async import wait_for_outcome
from tests.ai_gateway.providers.test_content import CLOCK, WEATHER


def collect(upstream, text="Who are you?", *, into=None, **changes):
    """Return all parts of a stream, each way; ``into`` keeps those that came before a failure."""
    parts = [] if into is None else into
    request = make_request(text, **changes)

    async def collect_async() -> None:
        async with upstream.provider.astream(request) as stream:
            async for part in stream:
                parts.append(part)
            assert stream.settle() == parts[-1].answer.usage
        assert await list_tasks_left() == set()

    if upstream.way == "async":
        asyncio.run(collect_async())
        return parts
    with upstream.provider.stream(request) as stream:
        parts.extend(stream)
        assert stream.settle() == parts[-1].answer.usage
    return parts


def break_off(upstream, kind, **fault):
    """Have the sandbox disturb a stream, and return the failure and the text that came before it."""
    parts, timeout = [], fault.pop("timeout_seconds", 10.0)
    upstream.sandbox.set_faults(upstream.key, {"kind": kind, **fault})
    with pytest.raises(ProviderError) as failure:
        collect(upstream, into=parts, timeout_seconds=timeout)
    assert failure.value.__context__ is None
    return failure.value, "".join(part.text for part in parts)


async def list_tasks_left() -> set[asyncio.Task]:
    """Return the tasks beside this one. The HTTP client's own generators may take the loop's next turns to end."""
    for _ in range(10):
        await asyncio.sleep(0)
    return asyncio.all_tasks() - {asyncio.current_task()}


# Whole ------------------------------------------------------------------------------------------------------


def test_a_stream_brings_what_the_answer_would_be(either_way):
    whole = either_way.ask(system="Be brief.")
    *texts, last = collect(either_way, system="Be brief.")
    assert len(texts) > 1
    assert all(part.text and part.answer is None for part in texts)
    assert "".join(part.text for part in texts) == last.answer.text == whole.text
    for fact in ("usage", "model", "finish_reason", "service_tier", "tool_calls"):
        assert getattr(last.answer, fact) == getattr(whole, fact), fact
    first, second = either_way.entries()
    assert (second["stream"], second["counted"]) == (True, first["counted"])
    assert second["request_id"] in last.answer.provider_request_id


def test_a_streams_json_is_in_its_schema(either_way):
    answer = collect(either_way, json_schema=SCHEMA)[-1].answer
    assert set(json.loads(answer.text)) == {"score", "why"}


def test_a_stream_ends_at_its_limit(either_way):
    answer = collect(either_way, max_output_tokens=5)[-1].answer
    assert (answer.finish_reason, answer.usage.output_tokens) == ("length", 5)


def test_a_tool_is_called_at_the_end_of_a_stream(either_way):
    asked = {"tools": (WEATHER, CLOCK), "tool_choice": "required"}
    whole, (last,) = either_way.ask(**asked), collect(either_way, **asked)
    (call,), (same,) = last.answer.tool_calls, whole.tool_calls
    assert (call.name, call.arguments) == (same.name, same.arguments) == ("weather", '{"city": ""}')
    assert (last.answer.finish_reason, last.answer.text) == ("tool_calls", "")
    assert last.answer.usage == whole.usage


@pytest.mark.parametrize("fault", ["no_usage", "zero_usage"])
def test_usage_that_a_stream_lacks_is_counted(either_way, fault):
    either_way.sandbox.set_faults(either_way.key, {"kind": fault})
    answer = collect(either_way)[-1].answer
    counted = either_way.entries()[0]["counted"]
    assert answer.usage.source == "counted"
    assert answer.usage.output >= counted["output"] == count_tokens(answer.text, "m")


def test_of_cumulative_usages_the_last_counts(either_way):
    either_way.sandbox.set_faults(either_way.key, {"kind": "cumulative_usage"})
    usage = collect(either_way)[-1].answer.usage
    counted = either_way.entries()[0]["counted"]
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (counted["input"], counted["output"], "provider")


def test_cached_and_reasoning_tokens_of_a_stream_are_told_apart(either_way):
    fault = {"input_tokens": 1000, "cached_tokens": 800, "output_tokens": 90, "reasoning_tokens": 64}
    either_way.sandbox.set_faults(either_way.key, {"kind": "extra_usage", **fault})
    usage = collect(either_way)[-1].answer.usage
    reported = either_way.entries()[0]["reported"]
    assert (usage.input_tokens, usage.output_tokens) == (reported["input"], reported["output"])
    assert (usage.cache_read, usage.output_reasoning) == (800, 64)


@pytest.mark.parametrize("fault", ["slow_stream", "delay"])
def test_a_slow_stream_within_its_time_is_whole(either_way, fault):
    either_way.sandbox.set_faults(either_way.key, {"kind": fault, "seconds": 0.01})
    assert collect(either_way)[-1].answer.finish_reason == "stop"


@pytest.mark.parametrize("fault", ["empty_answer", "bad_json_answer", "truncated_answer"])
def test_a_useless_answer_is_an_answer(either_way, fault):
    either_way.sandbox.set_faults(either_way.key, {"kind": fault})
    answer = collect(either_way)[-1].answer
    assert answer.finish_reason == ("length" if fault == "truncated_answer" else "stop")


def test_the_connection_of_a_whole_stream_is_used_again(upstream):
    async def ask_twice() -> int:
        async for _ in upstream.provider.astream(make_request()):
            pass
        (kept,) = upstream.provider._connections._kept.values()
        async for _ in upstream.provider.astream(make_request()):
            pass
        return len(kept[0].http_client._transport._pool.connections)

    assert asyncio.run(ask_twice()) == 1


# Broken -----------------------------------------------------------------------------------------------------

REFUSED = [
    ({"kind": "rate_limit", "retry_after": 7}, ProviderRateLimited, "refused", 7.0),
    ({"kind": "quota"}, ProviderQuotaSpent, "refused", None),
    ({"kind": "overloaded"}, ProviderOverloaded, "refused", None),
    ({"kind": "status", "status": 500}, ProviderUnavailable, "unknown", None),
    ({"kind": "status", "status": 401}, ProviderKeyRejected, "refused", None),
    ({"kind": "disconnect"}, ProviderUnavailable, "unknown", None),
    ({"kind": "garbage"}, ProviderGarbledAnswer, "unknown", None),
    ({"kind": "garbage", "content_type": "application/json"}, ProviderGarbledAnswer, "unknown", None),
    ({"kind": "garbage", "content_type": "text/event-stream"}, ProviderGarbledAnswer, "unknown", None),
]


@pytest.mark.parametrize(("fault", "error_class", "delivery", "retry_after"), REFUSED)
def test_a_stream_that_does_not_begin_has_used_nothing(either_way, fault, error_class, delivery, retry_after):
    error, text = break_off(either_way, **fault)
    assert (type(error), error.delivery, error.retry_after_seconds) == (error_class, delivery, retry_after)
    assert (error.usage, text) == (None, "")


@pytest.mark.parametrize("kind", ["stream_cut", "error_event"])
def test_a_stream_that_breaks_is_charged_what_was_received(either_way, kind):
    error, text = break_off(either_way, kind, after_chunks=2)
    counted = either_way.entries()[0]["counted"]
    assert (error.delivery, error.retryable) == ("unknown", True)
    assert text
    guess = count_usage(make_request(), text, either_way.provider.kind)
    assert (error.usage.source, error.usage.output) == ("counted", guess.output)
    # Anthropic told its count of the input at the start.
    expected = counted["input"] if either_way.kind == "anthropic" else guess.input_tokens
    assert error.usage.input_tokens == expected


def test_an_error_event_says_what_is_wrong(either_way):
    error, _ = break_off(either_way, "error_event", after_chunks=1, message="Too much.")
    assert type(error) is (ProviderOverloaded if either_way.kind == "anthropic" else ProviderUnavailable)
    assert error.detail == "Too much."


def test_an_error_before_any_text_has_used_nothing(either_way):
    error, text = break_off(either_way, "error_event", after_chunks=0)
    assert (error.usage, error.delivery, text) == (None, "unknown", "")


def test_a_stream_that_stops_ends_at_its_time(either_way):
    error, text = break_off(either_way, "hang", after_chunks=2, timeout_seconds=0.5)
    assert (type(error), error.delivery) == (ProviderTimeout, "unknown")
    assert error.usage.output == count_usage(make_request(), text, either_way.provider.kind).output > 0


def test_cumulative_usage_of_a_broken_stream_is_used(make_upstream):
    """vLLM can be told to send it with every chunk."""
    upstream = make_upstream("compatible")
    reader = upstream.provider.stream_reader()
    reader.take({"choices": [{"index": 0, "delta": {"content": "One two three"}}]})
    reader.take({"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}})
    assert (reader.usage.input_tokens, reader.usage.output) == (70, 30)
    reader.take({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}})
    assert reader.usage.output == 30


# Left -------------------------------------------------------------------------------------------------------


def test_leaving_a_stream_stops_the_provider_and_tells_what_was_received(upstream):
    upstream.sandbox.set_faults(upstream.key, {"kind": "hang", "after_chunks": 2})
    stream = upstream.provider.stream(make_request(timeout_seconds=60))
    assert stream.settle() is None
    text = next(stream).text + next(stream).text
    stream.close()
    wait_for_outcome(upstream, "client_left")
    guess = count_usage(make_request(), text, upstream.provider.kind)
    assert (stream.settle().output, stream.settle().source) == (guess.output, "counted")
    assert list(stream) == []


def test_a_task_that_leaves_a_stream_stops_the_provider(upstream):
    upstream.sandbox.set_faults(upstream.key, {"kind": "hang", "after_chunks": 2})

    async def leave() -> set[asyncio.Task]:
        async with upstream.provider.astream(make_request(timeout_seconds=60)) as stream:
            text = (await anext(stream)).text
        wait_for_outcome(upstream, "client_left")
        assert stream.settle().output == count_usage(make_request(), text, upstream.provider.kind).output > 0
        return await list_tasks_left()

    assert asyncio.run(leave()) == set()


@pytest.mark.parametrize("fault", [{"kind": "hang", "after_chunks": 2}, {"kind": "hang"}])
def test_a_cancelled_task_stops_the_provider(upstream, fault):
    upstream.sandbox.set_faults(upstream.key, fault)
    parts = []

    async def read_on(stream) -> None:
        async for part in stream:
            parts.append(part)

    async def cancel() -> set[asyncio.Task]:
        stream = upstream.provider.astream(make_request(timeout_seconds=60))
        task = asyncio.create_task(read_on(stream))
        while not upstream.entries() or (len(parts) < 2 and "after_chunks" in fault):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wait_for_outcome(upstream, "client_left")
        text = "".join(part.text for part in parts)
        usage, kind = stream.settle(), upstream.provider.kind
        assert (
            usage is None
            if "after_chunks" not in fault
            else usage.output == count_usage(make_request(), text, kind).output
        )
        return await list_tasks_left()

    assert asyncio.run(cancel()) == set()


def test_many_streams_of_one_loop_do_not_mix(upstream):
    async def read(number: int) -> str:
        async with upstream.provider.astream(make_request("word " * number)) as stream:
            return [part async for part in stream][-1].answer.text

    async def read_all() -> list[str]:
        return await asyncio.gather(*map(read, range(1, 13)))

    answers = asyncio.run(read_all())
    assert [f"has {number} words" in answer for number, answer in enumerate(answers, start=1)] == [True] * 12


# Formats ----------------------------------------------------------------------------------------------------


def read_events(upstream, *events):
    reader = upstream.provider.stream_reader()
    texts = [reader.take(event) for event in events]
    return reader, "".join(texts)


def test_a_streamed_refusal_is_told_in_its_own_words(make_upstream):
    delta = {"choices": [{"index": 0, "delta": {"refusal": "I cannot."}, "finish_reason": "stop"}]}
    reader, text = read_events(make_upstream("openai"), delta)
    assert (text, reader.body["choices"][0]["message"]["refusal"]) == ("I cannot.", "I cannot.")


def test_open_reasoning_is_written_but_not_said(make_upstream):
    delta = {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]}
    reader, text = read_events(make_upstream("compatible"), delta)
    assert (text, reader.written) == ("", "Hm.")


def test_calls_of_several_tools_are_joined_by_their_index(make_upstream):
    def delta(index, **function):
        call = {"index": index, "id": f"c{index}", "function": function}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    reader, _ = read_events(
        make_upstream("openai"),
        delta(0, name="a", arguments=""),
        delta(1, name="b", arguments="{"),
        delta(0, arguments="{}"),
        delta(1, arguments="}"),
    )
    calls = reader.body["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("c0", {"name": "a", "arguments": "{}"}),
        ("c1", {"name": "b", "arguments": "{}"}),
    ]


def test_a_message_of_text_thinking_and_tools_is_put_together(make_upstream):
    def start(index, **block):
        return {"type": "content_block_start", "index": index, "content_block": block}

    def delta(index, **fields):
        return {"type": "content_block_delta", "index": index, "delta": fields}

    reader, text = read_events(
        make_upstream("anthropic"),
        {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        start(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="Hm."),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="I "),
        delta(1, type="text_delta", text="look."),
        start(2, type="tool_use", id="t", name="weather", input={}),
        delta(2, type="input_json_delta", partial_json='{"city": '),
        delta(2, type="input_json_delta", partial_json='"Oslo"}'),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}},
        {"type": "message_stop"},
    )
    assert (text, reader.is_over) == ("I look.", True)
    assert reader.body["content"][1:] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Oslo"}},
    ]
    assert (reader.usage.input_tokens, reader.usage.output) == (9, 20)
    assert reader.written == 'Hm.I look.weather{"city": "Oslo"}'


def test_a_response_that_fails_at_its_end_says_so(make_upstream):
    response = {"id": "resp_1", "status": "failed", "error": {"code": "server_error"}, "usage": None, "output": []}
    reader, _ = read_events(make_upstream("responses"), {"type": "response.failed", "response": response})
    assert (reader.is_over, reader.body) == (True, response)
