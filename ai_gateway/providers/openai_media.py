"""OpenAI's embeddings and transcriptions, which servers that speak its format may have too."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import structlog

from ai_gateway.estimating import guess_text_tokens
from ai_gateway.providers.adapter import Ask, Received
from ai_gateway.providers.answers import as_usage_object, garbled, parse_object, read_request_id, sendable
from ai_gateway.providers.media import EmbeddingAnswer, TranscriptionAnswer
from ai_gateway.providers.openai_sdk import OpenAIAdapter
from ai_gateway.providers.types import ProviderKind, Usage
from ai_gateway.providers.usage import read_embeddings_usage, read_transcription_usage

log = structlog.get_logger(__name__)

_MODEL_CHARACTERS = 128


class OpenAIMedia(OpenAIAdapter):
    """The part of an OpenAI-like provider that writes no text. ``timeout_seconds`` bounds the whole answer."""

    def embed(
        self, texts: Sequence[str], *, model: str, timeout_seconds: float, call_id: str, dimensions: int | None = None
    ) -> EmbeddingAnswer:
        """Return a vector for each of ``texts``; raise a ``ProviderError`` when there is no answer."""
        return self._send(self._ask_embedding(texts, model, timeout_seconds, call_id, dimensions))

    async def aembed(
        self, texts: Sequence[str], *, model: str, timeout_seconds: float, call_id: str, dimensions: int | None = None
    ) -> EmbeddingAnswer:
        """Do as ``embed`` does without blocking."""
        return await self._asend(self._ask_embedding(texts, model, timeout_seconds, call_id, dimensions))

    def transcribe(
        self,
        audio: bytes,
        filename: str,
        *,
        model: str,
        timeout_seconds: float,
        call_id: str,
        audio_seconds: Decimal | None = None,
        language: str = "",
    ) -> TranscriptionAnswer:
        """Return what is said in ``audio``; the file's name tells its format.

        ``audio_seconds`` is its length, charged where the provider reports neither tokens nor seconds.
        """
        return self._send(
            self._ask_transcription(audio, filename, model, timeout_seconds, call_id, audio_seconds, language)
        )

    async def atranscribe(
        self,
        audio: bytes,
        filename: str,
        *,
        model: str,
        timeout_seconds: float,
        call_id: str,
        audio_seconds: Decimal | None = None,
        language: str = "",
    ) -> TranscriptionAnswer:
        """Do as ``transcribe`` does without blocking."""
        return await self._asend(
            self._ask_transcription(audio, filename, model, timeout_seconds, call_id, audio_seconds, language)
        )

    def _ask_embedding(
        self, texts: Sequence[str], model: str, timeout_seconds: float, call_id: str, dimensions: int | None
    ) -> Ask[EmbeddingAnswer]:
        sent = [sendable(text) for text in texts]
        parameters: dict[str, Any] = {"model": model, "input": sent, "encoding_format": "float"}
        if dimensions is not None:
            parameters["dimensions"] = dimensions
        return Ask(
            resource=lambda client: client.embeddings,
            parameters=parameters,
            read=lambda received: read_embedding_answer(received, sent, model, self.name, self.kind),
            timeout_seconds=timeout_seconds,
            call_id=call_id,
        )

    def _ask_transcription(
        self,
        audio: bytes,
        filename: str,
        model: str,
        timeout_seconds: float,
        call_id: str,
        audio_seconds: Decimal | None,
        language: str,
    ) -> Ask[TranscriptionAnswer]:
        parameters: dict[str, Any] = {"model": model, "file": (sendable(filename), audio), "response_format": "json"}
        if language:
            parameters["language"] = language
        return Ask(
            resource=lambda client: client.audio.transcriptions,
            parameters=parameters,
            read=lambda received: read_transcription_answer(received, model, self.name, self.kind, audio_seconds),
            timeout_seconds=timeout_seconds,
            call_id=call_id,
        )


def read_embedding_answer(
    received: Received, texts: Sequence[str], model: str, provider: str, kind: ProviderKind
) -> EmbeddingAnswer:
    """Read vectors. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    usage = read_embeddings_usage(payload.get("usage"))
    vectors = _read_vectors(payload.get("data"), len(texts))
    if vectors is None:
        raise garbled(provider=provider, request_id=request_id, usage=usage)
    if usage is None:
        log.warning("provider_usage_missing", provider=provider, model=model)
        usage = Usage(input_uncached=guess_text_tokens(texts, model=model, kind=kind), source="counted")
    return EmbeddingAnswer(
        vectors=vectors,
        usage=usage,
        model=_read_model(payload.get("model"), model),
        provider_request_id=request_id,
        duration_ms=received.duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
    )


def read_transcription_answer(
    received: Received, model: str, provider: str, kind: ProviderKind, audio_seconds: Decimal | None
) -> TranscriptionAnswer:
    """Read a transcript. Raises ``ProviderGarbledAnswer``, with the usage if that is readable.

    Without usage the seconds of the audio are taken, or where they are not known, the tokens of the text alone.
    """
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    usage, text = read_transcription_usage(payload.get("usage")), payload.get("text")
    if not isinstance(text, str):
        raise garbled(provider=provider, request_id=request_id, usage=usage)
    if usage is None:
        log.warning("provider_usage_missing", provider=provider, model=model)
        written = 0 if audio_seconds is not None else guess_text_tokens([text], model=model, kind=kind)
        usage = Usage(output=written, seconds=audio_seconds, source="counted")
    return TranscriptionAnswer(
        text=text,
        usage=usage,
        model=model,
        provider_request_id=request_id,
        duration_ms=received.duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
    )


def _read_vectors(data: object, count: int) -> tuple[tuple[float, ...], ...] | None:
    """Return the vectors in the order of their index, or ``None`` unless there is one for each text."""
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        return None
    by_index = {str(entry.get("index", place)): entry.get("embedding") for place, entry in enumerate(data)}
    vectors: list[Any] = [by_index.get(str(index)) for index in range(count)]
    if len(data) != count or not all(map(_is_vector, vectors)):
        return None
    return tuple(tuple(vector) for vector in vectors)


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and all(type(number) in {int, float} and math.isfinite(number) for number in value)


def _read_model(model: object, asked: str) -> str:
    return (model if isinstance(model, str) and model else asked)[:_MODEL_CHARACTERS]
