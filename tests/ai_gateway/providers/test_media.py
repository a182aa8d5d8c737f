"""Embeddings and transcriptions: through the sandbox, and read from what other servers write."""

import asyncio
import json
import math
from decimal import Decimal

import pytest

from ai_gateway.estimating import count_tokens
from ai_gateway.providers.adapter import Received
from ai_gateway.providers.errors import (
    ProviderError,
    ProviderGarbledAnswer,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.providers.media import EmbeddingRequest, TranscriptionRequest
from ai_gateway.providers.openai_media import read_embedding_answer, read_transcription_answer
from ai_gateway.providers.types import Usage

TEXTS = ("ledger", "hold \ud800", "候选人")
TWO_SECONDS = b"\x00\xff\r\n" * 16_000


@pytest.fixture(params=[(kind, way) for kind in ("openai", "compatible") for way in ("sync", "async")], ids="-".join)
def media(make_upstream, request):
    upstream = make_upstream(request.param[0])
    upstream.way = request.param[1]
    return upstream


FACTS = {"model": "m", "timeout_seconds": 10.0, "call_id": "call-7"}


def texts(*texts, **options) -> EmbeddingRequest:
    return EmbeddingRequest(texts=texts, **{**FACTS, **options})


def speech(**options) -> TranscriptionRequest:
    return TranscriptionRequest(**{"audio": TWO_SECONDS, "filename": "two.wav", **FACTS, **options})


def do(upstream, request):
    name = "embed" if isinstance(request, EmbeddingRequest) else "transcribe"
    if upstream.way == "async":
        return asyncio.run(getattr(upstream.provider, f"a{name}")(request))
    return getattr(upstream.provider, name)(request)


# Embeddings -------------------------------------------------------------------------------------------------


def test_each_text_has_its_vector_and_input_is_counted(media):
    answer = do(media, texts(*TEXTS, dimensions=8))
    (entry,) = media.entries()
    assert [len(vector) for vector in answer.vectors] == [8, 8, 8]
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-6) for vector in answer.vectors)
    assert answer.usage == Usage(input_uncached=entry["counted"]["input"])
    assert (answer.model, entry["client_request_id"]) == ("m", "call-7")
    assert entry["request_id"] in answer.provider_request_id


@pytest.mark.parametrize("fault", ["no_usage", "zero_usage"])
def test_an_embedding_that_is_not_reported_is_counted(media, fault):
    media.sandbox.set_faults(media.key, {"kind": fault})
    answer = do(media, texts("ledger", "hold"))
    assert answer.usage == Usage(
        input_uncached=count_tokens("ledger", "m") + count_tokens("hold", "m"), source="counted"
    )


def read_vectors(data, usage=None):
    body = json.dumps({"data": data, "usage": usage}).encode()
    return read_embedding_answer(Received(body, {}, 5), texts("a", "b"), "openai", "openai")


def test_vectors_are_in_the_order_of_the_texts():
    answer = read_vectors([{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1.5]}])
    assert answer.vectors == ((1.5,), (2,))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": "AAAA"}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [None]}],
        [{"index": 0, "embedding": [1.0]}, None],
        [{"index": [], "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}],
    ],
)
def test_garbled_vectors_keep_a_usable_usage(data):
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read_vectors(data, {"prompt_tokens": 8, "total_tokens": 8})
    assert failure.value.usage == Usage(input_uncached=8)


# Transcriptions ---------------------------------------------------------------------------------------------


def test_a_transcription_by_tokens(media):
    answer = do(media, speech())
    (entry,) = media.entries()
    assert answer.text == "This is Winnow's sandbox. It heard 2 seconds of sound."
    assert answer.usage == Usage(input_uncached=20, input_audio=20, output=entry["counted"]["output"])
    assert (entry["media_seconds"], entry["client_request_id"]) == (2, "call-7")


def test_a_transcription_by_duration(media):
    answer = do(media, speech(model="whisper-1", language="en"))
    assert answer.usage == Usage(seconds=Decimal(2))
    assert answer.usage.provider_tokens == 0
    assert answer.raw_usage == {"type": "duration", "seconds": 2}


@pytest.mark.parametrize("model", ["whisper-1", "gpt-4o-transcribe"])
@pytest.mark.parametrize("fault", ["no_usage", "zero_usage"])
def test_a_duration_that_is_not_reported_is_the_callers(media, model, fault):
    media.sandbox.set_faults(media.key, {"kind": fault})
    answer = do(media, speech(model=model, audio_seconds=Decimal("2.5")))
    assert answer.usage == Usage(seconds=Decimal("2.5"), source="counted")


def test_where_nobody_knows_the_duration_the_text_is_counted(media):
    media.sandbox.set_faults(media.key, {"kind": "no_usage"})
    answer = do(media, speech())
    assert answer.usage == Usage(output=count_tokens(answer.text, "m"), source="counted")


def test_a_garbled_transcript_keeps_a_usable_usage():
    body = json.dumps({"text": None, "usage": {"type": "duration", "seconds": 2}}).encode()
    with pytest.raises(ProviderGarbledAnswer) as failure:
        read_transcription_answer(Received(body, {}, 5), speech(), "openai", "openai")
    assert failure.value.usage == Usage(seconds=Decimal(2))


# Failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error_class", "delivery"),
    [
        ({"kind": "rate_limit"}, ProviderRateLimited, "refused"),
        ({"kind": "quota"}, ProviderQuotaSpent, "refused"),
        ({"kind": "status", "status": 500}, ProviderUnavailable, "unknown"),
        ({"kind": "disconnect"}, ProviderUnavailable, "unknown"),
        ({"kind": "stream_cut"}, ProviderUnavailable, "unknown"),
        ({"kind": "garbage"}, ProviderGarbledAnswer, "unknown"),
        ({"kind": "hang"}, ProviderTimeout, "unknown"),
    ],
)
@pytest.mark.parametrize("ask_for", [lambda **options: texts("ledger", **options), speech], ids=["embed", "transcribe"])
def test_what_a_misbehaviour_becomes(media, ask_for, fault, error_class, delivery):
    media.sandbox.set_faults(media.key, fault)
    with pytest.raises(ProviderError) as failure:
        do(media, ask_for(timeout_seconds=0.5 if fault["kind"] == "hang" else 10.0))
    assert (type(failure.value), failure.value.delivery, len(media.entries())) == (error_class, delivery, 1)
