"""The HTTP client under both SDKs: one time limit for the whole answer, bounded size, no redirects."""

import ipaddress
import time
from collections.abc import Iterator
from typing import Any

import httpx2

CONNECT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 16 * 1024 * 1024


def build_timeout(seconds: float) -> httpx2.Timeout:
    """Return the limits of one request that must be answered within ``seconds``."""
    short = min(seconds, CONNECT_SECONDS)
    return httpx2.Timeout(seconds, connect=short, pool=short)


def build_http_client(base_url: str) -> "BoundedClient":
    """Return a client for one provider, to be kept and shared between threads.

    Redirects are not followed: they would carry prompts to an address that staff did not set. A proxy
    from the environment is not for this machine's own addresses.
    """
    return BoundedClient(follow_redirects=False, trust_env=not _is_loopback(base_url))


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
            if received_bytes > LARGEST_ANSWER_BYTES:
                raise httpx2.DecodingError(f"answer larger than {LARGEST_ANSWER_BYTES} bytes")
            if self._deadline is not None and time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the whole answer took too long")
            yield chunk

    def close(self) -> None:
        self._inner.close()


def _is_loopback(base_url: str) -> bool:
    host = httpx2.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
