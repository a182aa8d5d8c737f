"""An answer as it is written: its parts for whoever reads along, and its usage however it ends."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from ai_gateway.estimating import count_usage
from ai_gateway.providers.answers import garbled, parse_object, read_request_id
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.failures import classify_response
from ai_gateway.providers.types import ProviderAnswer, ProviderIdentity, ProviderRequest, Usage


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A piece of the text; the last part has none and brings the whole ``answer``, with its usage."""

    text: str = ""
    answer: ProviderAnswer | None = None


class StreamReader(ABC):
    """One format's events, put together to the body that the same answer would have had unstreamed.

    ``is_over``: the format's own end was seen. ``written``: all that the model wrote so far, tool calls included.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.error: Mapping[str, Any] | None = None
        self._written: list[str] = []

    @property
    def written(self) -> str:
        """All that was received of what the model wrote."""
        return "".join(self._written)

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether the answer is complete should nothing more come."""

    @property
    @abstractmethod
    def usage(self) -> Usage | None:
        """The provider's last word on usage, if it is a usable one."""

    @property
    @abstractmethod
    def body(self) -> Mapping[str, Any]:
        """The answer as the format writes it unstreamed."""

    @abstractmethod
    def take(self, event: Mapping[str, Any]) -> str:
        """Take an event and return the text in it; sets ``error`` if that is what it is."""


class Progress:
    """How far one stream has come, for its parts, its failure and its settlement."""

    def __init__(
        self,
        reader: StreamReader,
        request: ProviderRequest,
        provider: ProviderIdentity,
        *,
        api_key: str,
        read: Callable[[bytes, Mapping[str, str], int], ProviderAnswer],
    ) -> None:
        self._reader = reader
        self._request = request
        self._provider = provider
        self._api_key = api_key
        self._read = read
        self._started = time.monotonic()
        self._headers: Mapping[str, str] | None = None
        self.answer: ProviderAnswer | None = None

    def begin(self, headers: Mapping[str, str]) -> None:
        """Note that the provider answers, and so works."""
        self._headers = headers

    def take(self, data: str) -> Iterator[StreamPart]:
        """Yield the parts that an event brings; raise a ``ProviderError`` if it is one, or is garbled."""
        if self.answer is not None:
            return
        if data.strip() == "[DONE]":
            self._reader.is_over = True
        else:
            text = self._take_object(data)
            if text:
                yield StreamPart(text)
        if self._reader.is_over:
            yield self._finish()

    def end(self) -> Iterator[StreamPart]:
        """Yield the last part at the connection's end, if that did not come yet; raise if the answer is not whole."""
        if self.answer is None:
            if not self._reader.is_whole:
                raise self.garbled()
            yield self._finish()

    def settle(self) -> Usage | None:
        """Return the usage so far, or ``None`` when nothing was received that could have cost anything."""
        if self.answer is not None:
            return self.answer.usage
        if self._headers is None:
            return None
        counted = count_usage(self._request, self._reader.written, self._provider.kind)
        reported = self._reader.usage
        if reported is None:
            return counted
        return replace(reported, output=max(reported.output, counted.output), source="counted")

    def blame(self, error: ProviderError) -> ProviderError:
        """Return the error with what the broken stream has used, if it brought anything."""
        if self._headers is not None:
            error.delivery = "unknown"
            if error.usage is None and self._reader.written:
                error.usage = self.settle()
        return error

    def garbled(self) -> ProviderError:
        """Build the error for a stream that is not in the provider's format."""
        return garbled(provider=self._provider.name, request_id=read_request_id(self._headers or {}, {}), usage=None)

    def _take_object(self, data: str) -> str:
        event = parse_object(data.encode())
        if not event:
            raise self.garbled()
        text = self._reader.take(event)
        if self._reader.error is not None:
            raise self._explain(self._reader.error)
        return text

    def _explain(self, event: Mapping[str, Any]) -> ProviderError:
        """Explain the error in the middle of the stream; some servers write a status as its code."""
        inner = event.get("error")
        code = inner.get("code") if isinstance(inner, Mapping) else None
        return classify_response(
            provider=self._provider.name,
            status=code if isinstance(code, int) and 400 <= code <= 599 else 200,
            headers=self._headers or {},
            body=event,
            api_key=self._api_key,
        )

    def _finish(self) -> StreamPart:
        body = json.dumps(self._reader.body).encode()
        duration_ms = round((time.monotonic() - self._started) * 1000)
        self.answer = self._read(body, self._headers or {}, duration_ms)
        return StreamPart(answer=self.answer)


class AnswerStream(Iterator[StreamPart]):
    """The parts of one answer. The request is sent with the first ``next``; raises a ``ProviderError`` when it fails.

    Closed early (``close``, or leaving a ``with``), it closes the connection, by which the provider stops; ``settle``
    then says what was used by our count. Whoever leaves early must close it: only then is nothing more written.
    """

    def __init__(self, parts: Generator[StreamPart, None, None], progress: Progress) -> None:
        self._parts = parts
        self._progress = progress

    def __next__(self) -> StreamPart:
        return next(self._parts)

    def __enter__(self) -> "AnswerStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the provider, if it still writes."""
        self._parts.close()

    def settle(self) -> Usage | None:
        """Return the provider's usage after the last part, before it our count of what was received.

        ``None``: the provider had not begun to answer.
        """
        return self._progress.settle()


class AsyncAnswerStream(AsyncIterator[StreamPart]):
    """What ``AnswerStream`` is, for tasks: ``aclose`` or ``async with``; a cancelled ``anext`` closes by itself."""

    def __init__(self, parts: AsyncGenerator[StreamPart, None], progress: Progress) -> None:
        self._parts = parts
        self._progress = progress

    async def __anext__(self) -> StreamPart:
        return await anext(self._parts)

    async def __aenter__(self) -> "AsyncAnswerStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the provider, if it still writes."""
        await self._parts.aclose()

    def settle(self) -> Usage | None:
        """Return what ``AnswerStream.settle`` does."""
        return self._progress.settle()
