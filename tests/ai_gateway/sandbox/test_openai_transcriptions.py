"""Transcriptions through the real openai SDK."""

import openai
import pytest

from ai_gateway.sandbox.tokens_count import count_tokens

TWO_SECONDS = ("two.wav", b"\x00\xff\r\n" * 16_000)


def test_a_transcription_by_tokens(openai_client: openai.OpenAI, sandbox, key: str) -> None:
    heard = openai_client.audio.transcriptions.create(model="gpt-4o-transcribe", file=TWO_SECONDS, prompt="Names: Ada")
    assert heard.text == "This is Winnow's sandbox. It heard 2 seconds of sound."
    usage = heard.usage
    assert usage.type == "tokens"
    assert (usage.input_token_details.audio_tokens, usage.input_token_details.text_tokens) == (
        20,
        count_tokens("Names: Ada"),
    )
    assert usage.output_tokens == count_tokens(heard.text)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert sandbox.requests(key)[0]["media_seconds"] == 2


def test_a_transcription_by_duration(openai_client: openai.OpenAI) -> None:
    usage = openai_client.audio.transcriptions.create(model="whisper-1", file=TWO_SECONDS).usage
    assert (usage.type, usage.seconds) == ("duration", 2)


def test_silence_is_refused(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.audio.transcriptions.create(model="whisper-1", file=("empty.wav", b""))
    assert caught.value.code == "audio_too_short"


def test_a_form_without_a_model_is_refused(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="model"):
        openai_client.post(
            "/audio/transcriptions",
            cast_to=object,
            files={"file": TWO_SECONDS},
            options={"headers": {"Content-Type": "multipart/form-data"}},
        )
