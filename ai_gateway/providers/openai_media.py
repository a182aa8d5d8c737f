"""OpenAI's embeddings and transcriptions, which servers that speak its format may have too."""

import math
from dataclasses import replace
from typing import Any

import structlog

from ai_gateway.estimating import guess_text_tokens
from ai_gateway.providers.adapter import Ask, Received
from ai_gateway.providers.answers import as_usage_object, garbled, parse_object, read_model, read_request_id, sendable
from ai_gateway.providers.media import (
    EmbeddingAnswer,
    EmbeddingRequest,
    TranscriptionAnswer,
    TranscriptionRequest,
)
from ai_gateway.providers.openai_sdk import OpenAIAdapter
from ai_gateway.providers.types import ProviderKind, Usage
from ai_gateway.providers.usage import read_embeddings_usage, read_transcription_usage

log = structlog.get_logger(__name__)


class OpenAIMedia(OpenAIAdapter):
    """The part of an OpenAI-like provider that writes no text. ``timeout_seconds`` bounds the whole answer."""

    def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """Return a vector for each text; raise a ``ProviderError`` when there is no answer."""
        return self._send(self._ask_embedding(request))

    async def aembed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """Do as ``embed`` does without blocking."""
        return await self._asend(self._ask_embedding(request))

    def transcribe(self, request: TranscriptionRequest) -> TranscriptionAnswer:
        """Return what is said; raise a ``ProviderError`` when there is no answer."""
        return self._send(self._ask_transcription(request))

    async def atranscribe(self, request: TranscriptionRequest) -> TranscriptionAnswer:
        """Do as ``transcribe`` does without blocking."""
        return await self._asend(self._ask_transcription(request))

    def _ask_embedding(self, request: EmbeddingRequest) -> Ask[EmbeddingAnswer]:
        sent = replace(request, texts=tuple(map(sendable, request.texts)))
        parameters: dict[str, Any] = {"model": sent.model, "input": list(sent.texts), "encoding_format": "float"}
        if sent.dimensions is not None:
            parameters["dimensions"] = sent.dimensions
        return Ask(
            resource=lambda client: client.embeddings,
            parameters=parameters,
            read=lambda received: read_embedding_answer(received, sent, self.name, self.kind),
            timeout_seconds=sent.timeout_seconds,
            call_id=sent.call_id,
        )

    def _ask_transcription(self, request: TranscriptionRequest) -> Ask[TranscriptionAnswer]:
        parameters: dict[str, Any] = {
            "model": request.model,
            "file": (sendable(request.filename), request.audio),
            "response_format": "json",
        }
        if request.language:
            parameters["language"] = request.language
        return Ask(
            resource=lambda client: client.audio.transcriptions,
            parameters=parameters,
            read=lambda received: read_transcription_answer(received, request, self.name, self.kind),
            timeout_seconds=request.timeout_seconds,
            call_id=request.call_id,
        )


def read_embedding_answer(
    received: Received, request: EmbeddingRequest, provider: str, kind: ProviderKind
) -> EmbeddingAnswer:
    """Read vectors. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    usage = read_embeddings_usage(payload.get("usage"))
    vectors = _read_vectors(payload.get("data"), len(request.texts))
    if vectors is None:
        raise garbled(provider=provider, request_id=request_id, usage=usage)
    if usage is None:
        log.warning("provider_usage_missing", provider=provider, model=request.model)
        counted = guess_text_tokens(request.texts, model=request.model, kind=kind)
        usage = Usage(input_uncached=counted, source="counted")
    return EmbeddingAnswer(
        vectors=vectors,
        usage=usage,
        model=read_model(payload, request.model),
        provider_request_id=request_id,
        duration_ms=received.duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
    )


def read_transcription_answer(
    received: Received, request: TranscriptionRequest, provider: str, kind: ProviderKind
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
        log.warning("provider_usage_missing", provider=provider, model=request.model)
        seconds = request.audio_seconds
        written = 0 if seconds is not None else guess_text_tokens([text], model=request.model, kind=kind)
        usage = Usage(output=written, seconds=seconds, source="counted")
    return TranscriptionAnswer(
        text=text,
        usage=usage,
        model=request.model,
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
