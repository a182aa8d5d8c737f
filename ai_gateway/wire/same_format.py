"""What all exchanges with a provider of the caller's own format share."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from ai_gateway.estimating import guess_text_tokens
from ai_gateway.providers.answers import garbled, read_model, read_request_id, read_tier
from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.failures import redact
from ai_gateway.providers.types import ProviderKind, Usage
from ai_gateway.wire.inputs import Input, read_input
from ai_gateway.wire.json_text import read_object
from ai_gateway.wire.sse import EventBuffer, read_data, split_events
from ai_gateway.wire.types import Asked


class MeteredRequest:
    """The part of an exchange that is about tokens. ``model`` is the provider's name of the model."""

    def __init__(self, asked: Asked, kind: ProviderKind, model: str) -> None:
        self.asked = asked
        self.kind = kind
        self.model = model

    @cached_property
    def input(self) -> Input:
        """What goes into the model's context."""
        return self.asked.input or read_input(self.asked.format, self.asked.body)

    def bound_input_tokens(self) -> int:
        """Return a number that the input cannot exceed, without tokenizing."""
        return self.input.bound(self.model, self.kind)

    def count_input_tokens(self) -> int:
        """Return a tight upper bound of the input, tokenized."""
        return self.input.count(self.model, self.kind)

    def count_usage(self, produced: Iterable[str]) -> Usage:
        """Count what the provider did not report: a fair guess of both sides."""
        read, written = self.input.guess(self.model, self.kind), self.count_output(produced)
        return Usage(input_uncached=read, output=written, source="counted")

    def count_output(self, produced: Iterable[str]) -> int:
        """Return the likeliest number of tokens of what the model wrote."""
        return guess_text_tokens(list(produced), model=self.model, kind=self.kind)


def add_output(usage: Usage, tokens: int) -> Usage:
    """Return a provider's usage with output that it has not counted yet."""
    return replace(usage, output=usage.output + tokens, source="counted")


def garbled_answer(payload: Mapping[str, Any], usage: Usage | None) -> ProviderGarbledAnswer:
    """Build the error for a success that is not in the provider's own format."""
    return garbled(provider="The provider", request_id=read_request_id({}, payload), usage=usage)


class EventReader(ABC):
    """A stream passed on as it comes, looked into only where an event tells more than a piece of text.

    ``kept`` is what was received after the provider's last count, for our own.
    """

    # Finds an event that is worth parsing; may find more than that, never less.
    telling: ClassVar[re.Pattern[bytes]]

    def __init__(self, request: MeteredRequest) -> None:
        self.is_complete = False
        self.error: Mapping[str, Any] | None = None
        self.usage: Usage | None = None
        self.model = request.model
        self.finish_reason = ""
        self.service_tier = ""
        self._request = request
        self._buffer = EventBuffer()
        self._kept: list[bytes] = []
        self._has_begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Take what arrived and return the events that are whole now. Raises ``ProviderGarbledAnswer``."""
        return self._pass_on(self._buffer.feed(chunk))

    def finish(self) -> bytes:
        """Take the end of the connection. Half an event is dropped: an error may have to be written after it."""
        rest = self._buffer.finish()
        data = read_data(rest)
        return self._pass_on(rest + b"\n\n") if data == b"[DONE]" or read_object(data) else b""

    def settle_usage(self) -> Usage:
        """Return the provider's usage, with our own count of what was received after it, or in its place."""
        if self.usage is not None and self.is_complete:
            return self.usage
        produced = self._list_produced()
        if self.usage is None:
            return self._request.count_usage(produced)
        return add_output(self.usage, self._request.count_output(produced)) if any(produced) else self.usage

    def _pass_on(self, events: bytes) -> bytes:
        if not events:
            return b""
        if self._has_begun and not self.telling.search(events):
            self._kept.append(events)
            return events
        return b"".join(self._inspect(event) for event in split_events(events))

    def _inspect(self, event: bytes) -> bytes:
        """Learn what an event tells, and return what the caller gets of it."""
        self._kept.append(event)
        data = read_data(event)
        if data == b"[DONE]":
            self.is_complete = True
            return event
        payload = read_object(data)
        if not payload:
            return event
        if not self._has_begun:
            self._has_begun = True
            self.model = read_model(payload, self.model)
        seen = self.error
        is_wanted = self.take(payload)
        if self.error is not seen:
            return redact(event.decode("utf-8", "replace"), "").encode()
        return event if is_wanted else b""

    @abstractmethod
    def take(self, payload: Mapping[str, Any]) -> bool:
        """Learn what a telling event says, and return whether the caller gets it."""

    @abstractmethod
    def produced(self, payload: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
        """Yield the pieces of output in an event, each with what it is a piece of."""

    def _list_produced(self) -> list[str]:
        """Return what the model wrote so far, its pieces joined."""
        pieces: dict[object, list[str]] = {}
        for event in split_events(b"".join(self._kept)):
            for place, text in self.produced(read_object(read_data(event))):
                pieces.setdefault(place, []).append(text)
        return ["".join(texts) for texts in pieces.values()]

    def _take_usage(self, usage: Usage | None) -> None:
        """Keep the provider's last word; a count that is missing or all zero is none."""
        if usage is not None:
            self.usage = usage
            self._kept.clear()

    def _take_tier(self, value: object) -> None:
        self.service_tier = read_tier(value) or self.service_tier
