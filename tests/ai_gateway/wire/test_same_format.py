"""Requests and whole answers where caller and provider speak the same format."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.estimating import count_tokens
from ai_gateway.http.errors import Refusal
from ai_gateway.http.requests import parse_object
from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.types import Usage
from ai_gateway.wire.asked import read_asked
from ai_gateway.wire.exchanges import open_exchange
from ai_gateway.wire.json_text import write_json
from ai_gateway.wire.types import RequestRefused, Streamable
from tests.ai_gateway.wire.factories import KINDS, body, chat_answer, exchange, message_answer, response, written

OPENAI_USAGE = Usage(input_uncached=13, cache_read=4, cache_write_short=2, output=10, output_reasoning=3)


def encode(payload) -> bytes:
    return json.dumps(payload, indent=1).encode()


def test_openai_chat_gets_its_limit_and_stores_nothing():
    of = exchange("chat", max_tokens=9, temperature=0.3, seed=5, metadata={"trace_id": "t"})
    assert of.path == "chat/completions"
    assert written(of) == {
        "model": "served",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.3,
        "seed": 5,
        "max_completion_tokens": 50,
        "store": False,
    }


def test_a_compatible_server_gets_the_name_that_all_obey():
    of = exchange("chat", "compatible", max_completion_tokens=9, store=False, top_k=4)
    assert written(of) == {**body("chat"), "model": "served", "top_k": 4, "max_tokens": 50}


@pytest.mark.parametrize("kind", ["openai", "compatible"])
def test_a_chat_stream_asks_for_usage(kind):
    of = exchange("chat", kind, stream=True, stream_options={"include_obfuscation": False})
    assert written(of)["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in written(exchange("chat", kind))


@pytest.mark.parametrize("kind", ["openai", "compatible"])
def test_responses_get_their_limit_and_store_nothing(kind):
    of = exchange("responses", kind, max_output_tokens=9, metadata={"a": "b"}, include=["reasoning.encrypted_content"])
    assert of.path == "responses"
    assert written(of) == {
        **body("responses", metadata={"a": "b"}, include=["reasoning.encrypted_content"]),
        "model": "served",
        "max_output_tokens": 50,
        "store": False,
    }


def test_messages_get_their_limit_and_no_metadata_of_ours():
    of = exchange("messages", max_tokens=9, metadata={"user_id": "u", "trace_id": "t"}, system="Be brief.")
    assert of.path == "messages"
    assert written(of) == {
        **body("messages", system="Be brief."),
        "model": "served",
        "max_tokens": 50,
        "metadata": {"user_id": "u"},
    }


def test_embeddings_have_no_limit():
    of = exchange("embeddings", dimensions=256, stream=True, metadata={"a": "b"})
    assert of.path == "embeddings"
    assert written(of, 0) == {"model": "served", "input": ["Hi", "there"], "dimensions": 256}


@pytest.mark.parametrize(
    ("format_name", "kind"),
    [*KINDS.items(), ("chat", "compatible"), ("chat", "anthropic"), ("messages", "openai"), ("messages", "compatible")],
)
def test_a_stream_is_given_to_whoever_asks_for_one_but_of_embeddings(format_name, kind):
    asked = read_asked(format_name, body(format_name, stream=True))
    assert asked.stream == isinstance(open_exchange(asked, kind), Streamable) == (format_name != "embeddings")


@pytest.mark.parametrize("format_name", ["embeddings", "responses"])
def test_a_format_that_the_provider_does_not_speak_is_refused(format_name):
    with pytest.raises(RequestRefused) as refused:
        exchange(format_name, "anthropic")
    assert (refused.value.code, refused.value.param) == ("unsupported_translation", "model")


def test_numbers_and_texts_mean_the_same_afterwards():
    text = '{"a":9223372036854775808,"b":18446744073709551615,"c":1.0,"d":1e-7,"e":0.1,"f":"\\ud83d\\ude80 \\u0000","g":-0.0,"h":1e300}'
    value = parse_object(text.encode())
    assert json.loads(write_json(value)) == json.loads(text)
    assert isinstance(json.loads(write_json(value))["c"], float)


def test_a_lone_surrogate_is_written():
    assert json.loads(write_json({"a": "\ud800"})) == {"a": "\ud800"}


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(text):
    with pytest.raises(Refusal) as refused:
        parse_object(text)
    assert refused.value.code == "invalid_json"


def test_a_body_nested_beyond_orjson_is_written():
    deep: dict = {}
    for _ in range(300):
        deep = {"a": deep}
    assert json.loads(write_json(deep)) == deep


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map("x_".__add__), json_values, max_size=4
    )
)
def test_unknown_fields_are_passed_on_unchanged(extra):
    given = parse_object(json.dumps(body("chat", **extra)).encode())
    sent = written(exchange("chat", "compatible", **given))
    assert sent == {**body("chat"), **extra, "model": "served", "max_tokens": 50}


def test_a_chat_answer_is_read_and_passed_on_untouched():
    raw = encode(chat_answer())
    reply = exchange("chat").read_answer(raw)
    assert reply.body is raw
    assert (reply.usage, reply.model) == (OPENAI_USAGE, "gpt-5-2025-08-07")
    assert (reply.finish_reason, reply.service_tier) == ("stop", "default")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "refusal"),
        ("new", "other"),
        (None, "other"),
    ],
)
def test_the_end_of_a_chat_is_told_in_our_words(reason, finish):
    choices = [{**chat_answer()["choices"][0], "finish_reason": reason}]
    assert exchange("chat").read_answer(encode(chat_answer(choices=choices))).finish_reason == finish


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}])
def test_missing_usage_is_counted_for_all_choices(usage):
    message = {
        "role": "assistant",
        "content": "Hello there",
        "reasoning_content": "Let me think.",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
    }
    choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(2)]
    reply = exchange("chat", n=2).read_answer(encode(chat_answer(choices=choices, usage=usage)))
    one = sum(count_tokens(text, "gpt-5") for text in ("Hello there", "Let me think.", "f", '{"a": 1}'))
    assert reply.usage == Usage(input_uncached=8, output=2 * one, source="counted")


def test_llama_cpps_timings_stand_in_for_usage():
    timings = {"cache_n": 5, "prompt_n": 7, "predicted_n": 3, "prompt_ms": 1.5}
    reply = exchange("chat", "compatible").read_answer(encode(chat_answer(usage=None, timings=timings)))
    assert reply.usage == Usage(input_uncached=7, cache_read=5, output=3)


def test_a_response_is_read():
    raw = encode(response())
    reply = exchange("responses").read_answer(raw)
    assert reply.body is raw
    assert reply.usage == Usage(
        input_uncached=25, cache_read=8, cache_write_short=3, cache_write_long=1, output=11, output_reasoning=2
    )
    assert (reply.model, reply.finish_reason, reply.service_tier) == ("gpt-5-2025-08-07", "stop", "flex")


@pytest.mark.parametrize(
    ("changes", "finish"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "refusal"),
        ({"status": "incomplete", "incomplete_details": None}, "other"),
        ({"status": "failed"}, "other"),
        ({"output": [{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}]}, "tool_calls"),
    ],
)
def test_the_end_of_a_response_is_told_in_our_words(changes, finish):
    assert exchange("responses").read_answer(encode(response(**changes))).finish_reason == finish


def test_a_response_without_usage_is_counted():
    reply = exchange("responses").read_answer(encode(response(usage=None)))
    assert reply.usage == Usage(input_uncached=8, output=2, source="counted")


def test_a_response_that_failed_at_once_has_used_nothing():
    reply = exchange("responses").read_answer(encode(response(usage=None, status="failed", output=[])))
    assert reply.usage == Usage(source="counted")


def test_a_message_is_read():
    raw = encode(message_answer())
    reply = exchange("messages").read_answer(raw)
    assert reply.body is raw
    assert reply.usage == Usage(
        input_uncached=12, cache_read=3, cache_write_short=4, cache_write_long=2, output=9, output_reasoning=4
    )
    assert (reply.model, reply.finish_reason, reply.service_tier) == ("claude-opus-5-5", "stop", "standard")


def test_a_message_without_usage_is_counted_with_its_tools():
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    reply = exchange("messages").read_answer(
        encode(message_answer(usage=None, content=content, stop_reason="tool_use"))
    )
    expected = sum(count_tokens(text, "") for text in ("Hm.", "f", '{"a":1}')) * 1.3
    assert (reply.usage.source, reply.finish_reason) == ("counted", "tool_calls")
    assert expected <= reply.usage.output < expected + 1


def test_embeddings_are_read():
    payload = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
        "model": "e",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }
    raw = encode(payload)
    reply = exchange("embeddings").read_answer(raw)
    assert (reply.body, reply.usage, reply.model) == (raw, Usage(input_uncached=4), "e")
    del payload["usage"]
    assert exchange("embeddings").read_answer(encode(payload)).usage == Usage(input_uncached=2, source="counted")


@pytest.mark.parametrize("format_name", ["chat", "responses", "messages", "embeddings"])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error": {"message": "m"}}',
        b'{"choices": [], "output": 5, "content": "x", "data": {}}',
        b'{"choices": [{"message": null}], "content": [5]}',
    ],
)
def test_a_success_in_no_known_format_is_garbled(format_name, raw):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        exchange(format_name).read_answer(raw)
    assert (failure.value.delivery, failure.value.usage) == ("unknown", None)


def test_a_garbled_answer_keeps_its_usage():
    with pytest.raises(ProviderGarbledAnswer) as failure:
        exchange("chat").read_answer(encode(chat_answer(choices=[])))
    assert (failure.value.usage, failure.value.provider_request_id) == (OPENAI_USAGE, "chatcmpl-1")


def best_of(times: int, act) -> float:
    best = 1.0
    for _ in range(times):
        started = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - started)
    return best


def test_a_large_prompt_costs_no_more_than_a_few_times_what_the_standard_library_takes_to_read_it():
    messages = [{"role": "user", "content": "Built payments on Django – and PostgreSQL.\n" * 250}] * 10
    of = exchange("chat", messages=messages)
    assert len(of.write_request("m", 5)) > 100_000
    raw = json.dumps(of.asked.body).encode()
    read = best_of(20, lambda: json.loads(raw))  # some 0.4 ms
    assert best_of(20, lambda: of.write_request("m", 5)) < read
    assert best_of(20, lambda: exchange("chat", messages=messages).bound_input_tokens()) < read
