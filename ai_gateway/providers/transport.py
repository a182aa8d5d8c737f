"""The HTTP client under both SDKs: one time limit for the whole answer, bounded size, no redirects."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from ai_gateway.providers.addresses import is_loopback

CONNECT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 16 * 1024 * 1024
# One process of an async server holds hundreds of streams open; a thread pool never comes near the client's own 100.
_ASYNC_LIMITS = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100)


def build_timeout(seconds: float) -> httpx2.Timeout:
    """Return the limits of one request that must be answered within ``seconds``."""
    short = min(seconds, CONNECT_SECONDS)
    return httpx2.Timeout(seconds, connect=short, pool=short)


def build_http_client(base_url: str) -> "BoundedClient":
    """Return a client for one provider, to be kept and shared between threads.

    Redirects are not followed: they would carry prompts to an address that staff did not set. A proxy
    from the environment is not for this machine's own addresses.
    """
    return BoundedClient(follow_redirects=False, trust_env=not is_loopback(base_url))


def build_async_http_client(base_url: str) -> "AsyncBoundedClient":
    """Return a client like that of ``build_http_client`` for one event loop."""
    return AsyncBoundedClient(follow_redirects=False, trust_env=not is_loopback(base_url), limits=_ASYNC_LIMITS)


class BoundedClient(httpx2.Client):
    """A client whose read timeout bounds the whole answer, however slowly it drips."""

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        limits: dict[str, float | None] = request.extensions.get("timeout", {})
        seconds = limits.get("read")
        deadline = None if seconds is None else time.monotonic() + seconds
        response = super().send(request, stream=True, **options)
        if deadline is not None:
            # The body's reads take their limit from here when its first byte is asked for.
            limits["read"] = max(deadline - time.monotonic(), 0.001)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _BoundedStream(response.stream, deadline=deadline)
        if not stream:
            try:
                response.read()
            finally:
                response.close()
        return response

    def __del__(self) -> None:
        """Close kept connections with the last reference: a changed setting replaces a client."""
        try:  # noqa: SIM105 (at the interpreter's end, contextlib may be gone before this)
            self.close()
        except Exception:
            pass


class _BoundedStream(httpx2.SyncByteStream):
    """Pass a body through until its time or its size is used up."""

    def __init__(self, inner: httpx2.SyncByteStream, *, deadline: float | None) -> None:
        self._inner = inner
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        received_bytes = 0
        for chunk in self._inner:
            received_bytes += len(chunk)
            _check_size(received_bytes)
            if self._deadline is not None and time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the whole answer took too long")
            yield chunk

    def close(self) -> None:
        self._inner.close()


class AsyncBoundedClient(httpx2.AsyncClient):
    """A client whose read timeout bounds the whole answer, for tasks of one event loop.

    A task that is cancelled takes its connection with it: the provider sees it close.
    """

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        async with _until(deadline):
            response = await super().send(request, stream=True, **options)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _AsyncBoundedStream(response.stream, deadline=deadline)
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


class _AsyncBoundedStream(httpx2.AsyncByteStream):
    """Pass a body through until its time, by the event loop's clock, or its size is used up."""

    def __init__(self, inner: httpx2.AsyncByteStream, *, deadline: float | None) -> None:
        self._inner = inner
        self._deadline = deadline

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received_bytes = 0
        chunks = aiter(self._inner)
        while True:
            async with _until(self._deadline):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            received_bytes += len(chunk)
            _check_size(received_bytes)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def _until(deadline: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError:
        raise httpx2.ReadTimeout("the whole answer took too long") from None


def _check_size(received_bytes: int) -> None:
    if received_bytes > LARGEST_ANSWER_BYTES:
        raise httpx2.DecodingError(f"answer larger than {LARGEST_ANSWER_BYTES} bytes")
