"""A request and its answer, apart from any provider's format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ai_gateway.sandbox.answering import Answer, Question
from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.wire.errors import ApiError


@dataclass(frozen=True)
class Call:
    """What a request asks for. ``question`` is None where no text is wanted (embeddings).

    ``input_tokens`` counts everything sent: messages, schema and tools. ``body`` is the request, for what is echoed.
    """

    model: str
    question: Question | None
    input_tokens: int
    body: Mapping[str, Any]
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    images: int = 0
    files: int = 0
    media_seconds: float | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens to report: ``cached`` is part of ``input``, ``reasoning`` of ``output``."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """Return input and output together."""
        return self.input + self.output


@dataclass(frozen=True)
class Reply:
    """What is answered; ``pieces`` are the text in parts with their tokens, for streams.

    ``usage`` is None if none is to be reported.
    """

    request_id: str
    created: int
    answer: Answer
    pieces: tuple[tuple[str, int], ...]
    usage: Usage | None
    usage_with_every_chunk: bool = False


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream as bytes; ``is_piece`` marks those that carry a part of the answer."""

    data: bytes
    is_piece: bool = field(default=False)


class Dialect(Protocol):
    """One provider's format of one endpoint."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a request; raise ``ApiError`` as the provider would."""

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a whole answer."""

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Write an answer as a stream."""

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Write an error into a stream that has begun."""

    def write_error(self, error: ApiError, request_id: str) -> tuple[int, dict[str, Any], Headers]:
        """Write an error answer: status, body, headers."""

    def headers(self, request_id: str, seconds: float) -> Headers:
        """Return the headers of every answer; ``seconds`` is the time spent on it."""
