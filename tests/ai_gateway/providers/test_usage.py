"""Recorded shapes of each wire format, and numbers that no honest provider would send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import (
    LARGEST_PLAUSIBLE_COUNT,
    merge_messages_usage,
    read_chat_usage,
    read_embeddings_usage,
    read_messages_usage,
    read_responses_usage,
)


def chat(prompt=100, completion=20, total=120, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


# Chat completions -------------------------------------------------------------------------------------------


def test_chat_without_details():
    assert read_chat_usage(chat()) == Usage(input_uncached=100, output=20)


def test_chat_details_may_be_null():
    raw = chat(prompt_tokens_details=None, completion_tokens_details=None)
    assert read_chat_usage(raw) == Usage(input_uncached=100, output=20)


def test_chat_input_includes_cached_and_cache_writing_tokens():
    raw = chat(
        2006,
        300,
        2306,
        prompt_tokens_details={
            "cached_tokens": 1536,
            "cache_write_tokens": 256,
            "audio_tokens": 10,
            "image_tokens": 85,
        },
        completion_tokens_details={
            "reasoning_tokens": 192,
            "audio_tokens": 5,
            "accepted_prediction_tokens": 1,
            "rejected_prediction_tokens": 2,
        },
    )
    usage = read_chat_usage(raw)
    assert usage == Usage(
        input_uncached=214,
        cache_read=1536,
        cache_write_short=256,
        input_audio=10,
        input_image=85,
        output=300,
        output_reasoning=192,
        output_audio=5,
    )
    assert usage.input_tokens == 2006
    assert usage.provider_tokens == 2306


def test_llama_cpp_reports_cached_tokens_only():
    raw = chat(785, 150, 935, prompt_tokens_details={"cached_tokens": 784})
    assert read_chat_usage(raw) == Usage(input_uncached=1, cache_read=784, output=150)


def test_reasoning_left_out_of_the_output_but_not_of_the_total_is_output():
    raw = chat(32, 9, 135, completion_tokens_details={"reasoning_tokens": 94})
    assert read_chat_usage(raw) == Usage(input_uncached=32, output=103, output_reasoning=94)


def test_reasoning_within_the_output_is_not_added_again():
    raw = chat(32, 103, 135, completion_tokens_details={"reasoning_tokens": 94})
    assert read_chat_usage(raw) == Usage(input_uncached=32, output=103, output_reasoning=94)


@pytest.mark.parametrize("raw", [None, {}, [], "12", chat(0, 0, 0), {"prompt_tokens": 5}, {"total_tokens": 5}])
def test_chat_without_a_usable_count_is_none(raw):
    assert read_chat_usage(raw) is None


def test_a_missing_side_is_taken_from_the_total():
    usage = read_chat_usage({"prompt_tokens": 100, "total_tokens": 120})
    assert usage == Usage(
        input_uncached=100, output=20, contradictions=("completion_tokens: missing, taken from the total",)
    )


def test_more_cached_than_prompt_tokens_is_cut_and_named():
    raw = chat(prompt_tokens_details={"cached_tokens": 150, "cache_write_tokens": 7})
    assert read_chat_usage(raw) == Usage(
        cache_read=100,
        output=20,
        contradictions=("cached_tokens: exceeds its whole", "cache_write_tokens: exceeds its whole"),
    )


def test_more_reasoning_than_output_is_cut_and_named():
    usage = read_chat_usage(chat(completion_tokens_details={"reasoning_tokens": 21}))
    assert (usage.output, usage.output_reasoning) == (20, 20)
    assert usage.contradictions == ("reasoning_tokens: exceeds its whole",)


def test_a_total_that_is_not_the_sum_is_named_and_not_believed():
    usage = read_chat_usage(chat(total=9_999))
    assert usage == Usage(input_uncached=100, output=20, contradictions=("total_tokens: not the sum",))


@pytest.mark.parametrize("number", [-1, True, 1.5, "100", float("nan"), float("inf"), LARGEST_PLAUSIBLE_COUNT + 1])
def test_what_is_not_a_count_is_no_usage(number):
    assert read_chat_usage({"prompt_tokens": number, "completion_tokens": 20}) is None


def test_a_negative_detail_is_ignored_and_named():
    usage = read_chat_usage(chat(prompt_tokens_details={"cached_tokens": -5}))
    assert usage == Usage(input_uncached=100, output=20, contradictions=("cached_tokens: not a count",))


def test_whole_numbers_written_as_floats_are_counts():
    assert read_chat_usage(chat(100.0, 20.0, 120.0)) == Usage(input_uncached=100, output=20)


# Responses and embeddings -----------------------------------------------------------------------------------


def test_responses_keep_the_cache_writes_by_their_lifetime():
    raw = {
        "input_tokens": 5000,
        "input_tokens_details": {
            "cached_tokens": 2048,
            "cache_write_tokens": 1000,
            "cache_write_tokens_details": {"ttl_30m_tokens": 400, "ttl_12h_tokens": 600},
        },
        "output_tokens": 700,
        "output_tokens_details": {"reasoning_tokens": 512},
        "total_tokens": 5700,
    }
    usage = read_responses_usage(raw, {"web_search": {"num_requests": 3}})
    assert usage == Usage(
        input_uncached=1952,
        cache_read=2048,
        cache_write_short=400,
        cache_write_long=600,
        output=700,
        output_reasoning=512,
        tool_requests=3,
    )


def test_a_response_without_usage_is_none():
    assert read_responses_usage(None) is None


def test_embeddings_have_input_only():
    assert read_embeddings_usage({"prompt_tokens": 8, "total_tokens": 8}) == Usage(input_uncached=8)


def test_embeddings_with_only_a_total_use_it():
    assert read_embeddings_usage({"total_tokens": 8}) == Usage(input_uncached=8)


@pytest.mark.parametrize("raw", [None, {}, {"prompt_tokens": 0, "total_tokens": 0}])
def test_embeddings_without_a_count_are_none(raw):
    assert read_embeddings_usage(raw) is None


# Anthropic messages -----------------------------------------------------------------------------------------


def message_usage(**changes):
    return {
        "input_tokens": 2095,
        "cache_creation_input_tokens": 2000,
        "cache_read_input_tokens": 1800,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
        "output_tokens": 503,
        "output_tokens_details": {"thinking_tokens": 250},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "standard",
        **changes,
    }


def test_message_input_excludes_cached_tokens_so_they_are_added():
    usage = read_messages_usage(message_usage())
    assert usage == Usage(
        input_uncached=2095,
        cache_read=1800,
        cache_write_short=500,
        cache_write_long=1500,
        output=503,
        output_reasoning=250,
        tool_requests=3,
    )
    assert usage.input_tokens == 5895


def test_a_message_with_nothing_but_totals():
    assert read_messages_usage({"input_tokens": 12, "output_tokens": 6}) == Usage(input_uncached=12, output=6)


def test_nulls_in_a_message_are_zeros():
    raw = {"input_tokens": 12, "output_tokens": 6, "cache_creation_input_tokens": None, "cache_creation": None}
    assert read_messages_usage({**raw, "server_tool_use": None}) == Usage(input_uncached=12, output=6)


def test_cache_writes_without_their_lifetimes_are_short():
    usage = read_messages_usage(message_usage(cache_creation=None))
    assert (usage.cache_write_short, usage.cache_write_long) == (2000, 0)


def test_cache_writes_that_do_not_add_up_keep_their_total():
    usage = read_messages_usage(message_usage(cache_creation_input_tokens=1600))
    assert (usage.cache_write_short, usage.cache_write_long) == (100, 1500)
    assert usage.contradictions == ("cache_creation: not the sum",)


def test_a_wholly_cached_message_has_usage():
    raw = {"input_tokens": 0, "cache_read_input_tokens": 900, "output_tokens": 0}
    assert read_messages_usage(raw) == Usage(cache_read=900)


@pytest.mark.parametrize("raw", [None, {}, {"input_tokens": 5}, {"input_tokens": 0, "output_tokens": 0}])
def test_a_message_without_a_usable_count_is_none(raw):
    assert read_messages_usage(raw) is None


def test_a_streams_usage_is_cumulative_and_null_keeps_the_start():
    start = message_usage(output_tokens=1, output_tokens_details=None)
    first = merge_messages_usage(start, {"output_tokens": 15, "cache_read_input_tokens": None})
    last = merge_messages_usage(first, {"output_tokens": 503, "input_tokens": 2100})
    usage = read_messages_usage(last)
    assert (usage.output, usage.input_uncached, usage.cache_read, usage.cache_write_long) == (503, 2100, 1800, 1500)


# Whatever is sent -------------------------------------------------------------------------------------------

numbers = st.one_of(st.none(), st.integers(-10, 200), st.floats(), st.booleans(), st.text(max_size=3))


@given(st.data())
def test_no_numbers_make_usage_negative_or_larger_than_the_billed_totals(data):
    draw = {name: data.draw(numbers) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    parts = {
        name: data.draw(numbers) for name in ("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens")
    }
    inner = {name: data.draw(numbers) for name in ("reasoning_tokens", "audio_tokens", "image_tokens")}
    usage = read_chat_usage({**draw, "prompt_tokens_details": parts, "completion_tokens_details": inner})
    if usage is not None and isinstance(draw["prompt_tokens"], int) and draw["prompt_tokens"] >= 0:
        total = draw["total_tokens"] if isinstance(draw["total_tokens"], int) else 0
        assert usage.input_tokens in {draw["prompt_tokens"], total - usage.output}


@given(st.dictionaries(st.sampled_from(list(message_usage())), numbers))
def test_no_numbers_break_the_reading_of_a_message(raw):
    usage = read_messages_usage(raw)
    assert usage is None or usage.provider_tokens > 0
