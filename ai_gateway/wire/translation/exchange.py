"""A call whose caller speaks another format than its provider: asked, answered and streamed through a translation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ai_gateway.providers.types import ProviderKind, Usage
from ai_gateway.wire.chat import ChatExchange
from ai_gateway.wire.json_text import read_object
from ai_gateway.wire.messages import MessagesExchange
from ai_gateway.wire.same_format import EventReader
from ai_gateway.wire.sse import read_data, split_events
from ai_gateway.wire.translation import chat_as_message, chat_request, message_as_chat, messages_request
from ai_gateway.wire.types import Asked, Reply


class StreamWriter(Protocol):
    """Writes the caller's events."""

    def write(self, event: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield what an event of the provider becomes."""
        ...

    def end(self, usage: Usage) -> Iterator[bytes]:
        """Yield the end of a whole stream."""
        ...


AnswerWriter = Callable[[Mapping[str, Any], Reply, Asked], bytes]


def translate_chat(asked: Asked, kind: ProviderKind, model: str) -> "TranslatedExchange":
    """Ask for a chat completion as an Anthropic message; raises ``RequestRefused``."""
    body = chat_request.translate_request(asked.body)
    inside = replace(asked, format="messages", body=body, input=None, metadata=_read_user(body))
    inner = MessagesExchange(inside, kind, model)
    return TranslatedExchange(asked, inner, message_as_chat.write_answer, message_as_chat.MessageAsChat)


def translate_messages(asked: Asked, kind: ProviderKind, model: str) -> "TranslatedExchange":
    """Ask for an Anthropic message as a chat completion; raises ``RequestRefused``."""
    body = messages_request.translate_request(asked.body, kind)
    inside = replace(asked, format="chat", body=body, input=None, metadata={}, wants_usage=False)
    inner = ChatExchange(inside, kind, model)
    return TranslatedExchange(asked, inner, chat_as_message.write_answer, chat_as_message.ChatAsMessage)


class TranslatedExchange:
    """``inner`` is the same call in the provider's format: it counts, asks and reads; this writes for the caller."""

    def __init__(
        self,
        asked: Asked,
        inner: ChatExchange | MessagesExchange,
        write_answer: AnswerWriter,
        make_writer: Callable[[Asked], StreamWriter],
    ) -> None:
        self.path = inner.path
        self._asked = asked
        self._inner = inner
        self._write_answer = write_answer
        self._make_writer = make_writer

    def bound_input_tokens(self) -> int:
        """Return a number that the input cannot exceed, without tokenizing."""
        return self._inner.bound_input_tokens()

    def count_input_tokens(self) -> int:
        """Return a tight upper bound of the input, tokenized."""
        return self._inner.count_input_tokens()

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the body in the provider's format."""
        return self._inner.write_request(model, output_limit)

    def read_answer(self, body: bytes) -> Reply:
        """Read an answer and write it in the caller's format. Raises ``ProviderGarbledAnswer``."""
        reply = self._inner.read_answer(body)
        return reply._replace(body=self._write_answer(read_object(body), reply, self._asked))

    def open_stream(self) -> "TranslatedStream":
        """Begin to read the provider's stream."""
        return TranslatedStream(self._inner.open_stream(), self._make_writer(self._asked))


class TranslatedStream:
    """The provider's stream, read as ever, and written anew for the caller."""

    def __init__(self, inner: EventReader, writer: StreamWriter) -> None:
        self._inner = inner
        self._writer = writer
        self._has_ended = False

    @property
    def is_complete(self) -> bool:
        return self._inner.is_complete

    @property
    def error(self) -> Mapping[str, Any] | None:
        return self._inner.error

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def finish_reason(self) -> str:
        return self._inner.finish_reason

    @property
    def service_tier(self) -> str:
        return self._inner.service_tier

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived and return what the caller gets now. Raises ``ProviderGarbledAnswer``."""
        return self._translate(self._inner.feed(chunk))

    def finish(self) -> bytes:
        """Take the end of the connection and return what the caller still gets."""
        return self._translate(self._inner.finish())

    def settle_usage(self) -> Usage:
        """Return the provider's usage, or our own count of what was received."""
        return self._inner.settle_usage()

    def _translate(self, events: bytes) -> bytes:
        written = bytearray()
        for event in split_events(events):
            payload = read_object(read_data(event))
            if payload:
                written += b"".join(self._writer.write(payload))
        if self._inner.is_complete and not self._has_ended:
            self._has_ended = True
            written += b"".join(self._writer.end(self._inner.settle_usage()))
        return bytes(written)


def _read_user(body: Mapping[str, Any]) -> Mapping[str, str]:
    metadata: Mapping[str, str] = body.get("metadata") or {}
    return metadata
