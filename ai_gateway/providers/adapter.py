"""What the adapters of all wire formats have in common: one exchange over the SDK, blocking or not."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, cast

import httpx2

from ai_gateway.providers.connections import Connections
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.failures import classify_response, classify_transport
from ai_gateway.providers.streaming import AnswerStream, AsyncAnswerStream, Progress, StreamPart, StreamReader
from ai_gateway.providers.transport import LARGEST_ANSWER_BYTES, build_timeout
from ai_gateway.providers.types import ProviderAnswer, ProviderKind, ProviderRequest

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Received:
    """A success as it arrived."""

    body: bytes
    headers: Mapping[str, str]
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[A]):
    """One request, and how its answer is read.

    ``resource`` finds the SDK's resource (``client.chat.completions``) in a client of either kind.
    """

    resource: Callable[[Any], Any]
    parameters: Mapping[str, Any]
    read: Callable[[Received], A]
    timeout_seconds: float
    call_id: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the resource's ``create``."""
        return {
            **self.parameters,
            "timeout": build_timeout(self.timeout_seconds),
            "extra_headers": {"X-Client-Request-Id": self.call_id},
        }


class Adapter(ABC):
    """A provider behind an SDK. One instance per process, shared between threads and event loops.

    The SDK's own retries are off: each attempt is committed to the ledger before it is made. A subclass names its
    SDK's classes, and says how an answer is asked for and read.
    """

    kind: ClassVar[ProviderKind]
    sdk_client: ClassVar[type[Any]]
    async_sdk_client: ClassVar[type[Any]]
    sdk_error: ClassVar[type[Exception]]
    sdk_status_error: ClassVar[type[Any]]
    stream_reader: ClassVar[type[StreamReader]]
    stream_options: ClassVar[Mapping[str, Any]] = {"stream": True}

    def __init__(
        self, *, name: str, api_key: str, base_url: str | None, connections: Connections | None = None
    ) -> None:
        self.name = name
        self._api_key = api_key
        self._connections = connections or Connections(self.address(base_url))

    @cached_property
    def _client(self) -> Any:
        return self._make(self.sdk_client, self._connections.http_client)

    @staticmethod
    @abstractmethod
    def address(base_url: str | None) -> str:
        """Return the address as the SDK wants it."""

    @abstractmethod
    def ask(self, request: ProviderRequest) -> Ask[ProviderAnswer]:
        """Say how ``request`` is sent and its answer read."""

    def complete(self, request: ProviderRequest) -> ProviderAnswer:
        """Send ``request`` once and return the answer; raise a ``ProviderError`` when there is none."""
        return self._send(self.ask(request))

    async def acomplete(self, request: ProviderRequest) -> ProviderAnswer:
        """Do as ``complete`` does without blocking; a cancelled task closes the connection."""
        return await self._asend(self.ask(request))

    def stream(self, request: ProviderRequest) -> AnswerStream:
        """Return the parts of an answer as they are written; usage is asked for and comes with the last."""
        ask = self.ask(request)
        progress = self._open_progress(ask, request)
        return AnswerStream(self._stream(ask, progress), progress)

    def astream(self, request: ProviderRequest) -> AsyncAnswerStream:
        """Do as ``stream`` does for tasks."""
        ask = self.ask(request)
        progress = self._open_progress(ask, request)
        return AsyncAnswerStream(self._astream(ask, progress), progress)

    def _open_progress(self, ask: Ask[ProviderAnswer], request: ProviderRequest) -> Progress:
        def read(body: bytes, headers: Mapping[str, str], duration_ms: int) -> ProviderAnswer:
            return ask.read(Received(body, headers, duration_ms))

        return Progress(self.stream_reader(), request, self, api_key=self._api_key, read=read)

    def _stream(self, ask: Ask[ProviderAnswer], progress: Progress) -> Generator[StreamPart, None, None]:
        create = ask.resource(self._client).with_streaming_response.create
        try:
            with create(**ask.arguments, **self.stream_options) as response:
                progress.begin(response.headers)
                for event in httpx2.EventSource(response.http_response, LARGEST_ANSWER_BYTES):
                    yield from progress.take(event.data)
                yield from progress.end()
                return
        except (ProviderError, self.sdk_error, httpx2.HTTPError) as error:
            failure = self._explain_broken(error, progress)
        if progress.answer is None:  # else it came whole, and only the connection's end did not
            raise failure

    async def _astream(self, ask: Ask[ProviderAnswer], progress: Progress) -> AsyncGenerator[StreamPart, None]:
        create = ask.resource(await self._async_client()).with_streaming_response.create
        try:
            async with create(**ask.arguments, **self.stream_options) as response:
                progress.begin(response.headers)
                source = httpx2.EventSource(response.http_response, LARGEST_ANSWER_BYTES)
                async with aclosing(cast(AsyncGenerator[httpx2.ServerSentEvent, None], aiter(source))) as events:
                    async for event in events:
                        for part in progress.take(event.data):
                            yield part
                for part in progress.end():
                    yield part
                return
        except (ProviderError, self.sdk_error, httpx2.HTTPError) as error:
            failure = self._explain_broken(error, progress)
        if progress.answer is None:
            raise failure

    def _explain_broken(self, error: Exception, progress: Progress) -> ProviderError:
        if isinstance(error, ProviderError):
            return progress.blame(error)
        if isinstance(error, httpx2.SSEError):
            return progress.blame(progress.garbled())
        if isinstance(error, httpx2.HTTPError):
            return progress.blame(classify_transport(provider=self.name, cause=error))
        return progress.blame(self._explain(error))

    def _send(self, ask: Ask[A]) -> A:
        started = time.monotonic()
        try:
            response = ask.resource(self._client).with_raw_response.create(**ask.arguments)
        except self.sdk_error as error:
            failure = self._explain(error)
        else:
            return ask.read(_take(response, started))
        raise failure  # out here, so that the SDK's exception with the request's headers is not its context

    async def _asend(self, ask: Ask[A]) -> A:
        client = await self._async_client()
        started = time.monotonic()
        try:
            response = await ask.resource(client).with_raw_response.create(**ask.arguments)
        except self.sdk_error as error:
            failure = self._explain(error)
        else:
            return ask.read(_take(response, started))
        raise failure

    async def _async_client(self) -> Any:
        connections = await self._connections.of_running_loop()
        client = connections.sdk_clients.get(self)
        if client is None:
            client = connections.sdk_clients[self] = self._make(self.async_sdk_client, connections.http_client)
        return client

    def _make(self, sdk_client: type[Any], http_client: Any) -> Any:
        address = self._connections.base_url
        return sdk_client(api_key=self._api_key, base_url=address, max_retries=0, http_client=http_client)

    def _explain(self, error: Any) -> ProviderError:
        """Translate an exception of the SDK."""
        if isinstance(error, self.sdk_status_error):
            return classify_response(
                provider=self.name,
                status=error.status_code,
                headers=error.response.headers,
                body=error.body,
                api_key=self._api_key,
            )
        return classify_transport(provider=self.name, cause=error.__cause__)


def _take(response: Any, started: float) -> Received:
    duration_ms = round((time.monotonic() - started) * 1000)
    return Received(response.http_response.content, response.headers, duration_ms)
