"""Recorded usage of speech: transcriptions, and the events of realtime sessions."""

from decimal import Decimal

import pytest

from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_realtime_usage, read_transcription_usage

BY_TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 45,
    "total_tokens": 59,
}
DONE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 56, "audio_tokens": 8, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}


def done(usage):
    return {"type": "response.done", "event_id": "e", "response": {"status": "completed", "usage": usage}}


def test_a_transcription_by_tokens_tells_sound_from_words():
    assert read_transcription_usage(BY_TOKENS) == Usage(input_uncached=14, input_audio=10, output=45)


@pytest.mark.parametrize(("seconds", "read"), [(12, "12"), (12.4, "12.4"), (0.1, "0.1")])
def test_a_transcription_by_duration_has_seconds_and_no_tokens(seconds, read):
    usage = read_transcription_usage({"type": "duration", "seconds": seconds})
    assert usage == Usage(seconds=Decimal(read))
    assert usage.provider_tokens == 0


@pytest.mark.parametrize("seconds", [None, 0, -1, True, "12", float("nan"), float("inf"), 10_000_000])
def test_what_is_no_duration_is_no_usage(seconds):
    assert read_transcription_usage({"type": "duration", "seconds": seconds}) is None


@pytest.mark.parametrize(
    "raw", [None, {}, [], {"type": "tokens"}, {"type": "tokens", "input_tokens": 0, "output_tokens": 0}]
)
def test_a_transcription_without_a_count_is_none(raw):
    assert read_transcription_usage(raw) is None


def test_an_answer_of_a_session_keeps_sound_and_cache_apart():
    usage = read_realtime_usage(done(DONE))
    assert usage == Usage(
        input_uncached=68,
        cache_read=64,
        input_audio=5,
        output=121,
        output_audio=91,
    )
    assert usage.provider_tokens == 253


def test_an_image_in_a_session_is_told():
    details = {"text_tokens": 100, "audio_tokens": 0, "image_tokens": 32, "cached_tokens": 0}
    assert read_realtime_usage(done({**DONE, "input_token_details": details})).input_image == 32


def test_more_cached_sound_than_sound_is_cut_and_named():
    details = {**DONE["input_token_details"], "cached_tokens_details": {"audio_tokens": 50}}
    usage = read_realtime_usage(done({**DONE, "input_token_details": details}))
    assert (usage.input_audio, usage.contradictions) == (0, ("audio_tokens: exceeds its whole",))


@pytest.mark.parametrize(("usage", "read"), [(BY_TOKENS, 59), ({"type": "duration", "seconds": 3.5}, 0)])
def test_what_was_said_to_a_session_is_billed_apart(usage, read):
    event = {"type": "conversation.item.input_audio_transcription.completed", "transcript": "Hi", "usage": usage}
    assert read_realtime_usage(event).provider_tokens == read


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "response.created", "response": {"usage": DONE}},
        {"type": "response.done"},
        {"type": "response.done", "response": None},
        done(None),
        done({**DONE, "input_tokens": 0, "output_tokens": 0}),
        {"type": "conversation.item.input_audio_transcription.completed"},
    ],
)
def test_other_events_and_empty_ones_are_none(event):
    assert read_realtime_usage(event) is None


def test_a_negative_duration_is_refused():
    with pytest.raises(ValueError, match="never negative"):
        Usage(seconds=Decimal(-1))
