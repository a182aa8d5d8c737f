"""OpenAI's transcriptions: ``POST /v1/audio/transcriptions``. The sandbox hears nothing: it says how long the file is.

Models whose name begins with ``whisper`` are billed by the second, others by tokens.
"""

from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from ai_gateway.sandbox.answering import Question
from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.call import Call, Reply, StreamEvent
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_errors import OpenAIErrors
from ai_gateway.sandbox.wire.reading import optional, require

# Every file is taken for 16-bit mono at 16 kHz without a header.
_BYTES_PER_SECOND = 32_000
_AUDIO_TOKENS_PER_SECOND = 10


class TranscriptionsDialect(OpenAIErrors):
    """Transcriptions, whole."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a form: a model and a file, and perhaps a prompt."""
        model, audio = require(body, "model", str), require(body, "file", bytes)
        if not audio:
            raise ApiError("invalid", "Audio file is too short.", param="file", code="audio_too_short")
        if body.get("response_format", "json") != "json":
            raise ApiError("invalid", "The sandbox writes transcriptions as json.", param="response_format")
        seconds = len(audio) / _BYTES_PER_SECOND
        spoken = f"This is Winnow's sandbox. It heard {seconds:g} seconds of sound."
        by_duration = model.startswith("whisper")
        tokens = 0 if by_duration else _count_audio(seconds) + count_tokens(optional(body, "prompt", str) or "")
        return Call(
            model=model,
            question=Question("", None, "", None, spoken=spoken),
            input_tokens=tokens,
            body={name: value for name, value in body.items() if name != "file"},
            media_seconds=seconds,
        )

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a transcription."""
        if reply.usage is None:
            return {"text": reply.answer.text}
        if call.model.startswith("whisper"):
            seconds = call.media_seconds if reply.usage.total else 0
            return {"text": reply.answer.text, "usage": {"type": "duration", "seconds": seconds}}
        audio = min(_count_audio(call.media_seconds or 0), reply.usage.input)
        usage = {
            "type": "tokens",
            "input_tokens": reply.usage.input,
            "input_token_details": {"audio_tokens": audio, "text_tokens": reply.usage.input - audio},
            "output_tokens": reply.usage.output,
            "total_tokens": reply.usage.total,
        }
        return {"text": reply.answer.text, "usage": usage}

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Refuse: the sandbox writes transcriptions whole."""
        raise ApiError("invalid", "Transcriptions are not streamed.")

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Refuse: the sandbox writes transcriptions whole."""
        raise error


def read_form(body: bytes, content_type: str) -> Mapping[str, Any]:
    """Read a form: files as bytes, everything else as text; raise ``ApiError``."""
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    if not form.is_multipart():
        raise ApiError("invalid", "We could not parse the form of your request.")
    fields: dict[str, Any] = {}
    for part in form.iter_parts():
        value = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        assert isinstance(value, bytes)
        fields[str(name)] = value if part.get_filename() is not None else value.decode("utf-8", "replace")
    return fields


def _count_audio(seconds: float) -> int:
    return round(seconds * _AUDIO_TOKENS_PER_SECOND)
