"""The caller's end of a stream."""

import asyncio
from collections.abc import Callable, Mapping

from ai_gateway.http.requests import Receive, Sender
from ai_gateway.http.responding import begin_stream, end_stream, write_part


class Outlet:
    """Where a stream goes. Its head is sent with its first part, so that what fails before can be a proper error.

    ``kept`` is what was written, for repeats of the call, if those may come. Once the caller has left, writing does
    nothing: the provider is read on for a while all the same, because its usage comes last.
    """

    def __init__(self, send: Sender, receive: Receive, headers: Mapping[str, str], *, keeps: bool) -> None:
        self.headers = dict(headers)
        self.has_begun = False
        self.has_left = False
        self.has_told_error = False
        self.kept: list[bytes] = []
        self._send = send
        self._receive = receive
        self._keeps = keeps
        self._watching: asyncio.Task[None] | None = None
        self._on_leaving: Callable[[], None] = _do_nothing

    def watch(self, on_leaving: Callable[[], None]) -> None:
        """Notice when the caller leaves, and call ``on_leaving`` then; the latest of them."""
        self._on_leaving = on_leaving
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._wait_for_leaving())
        elif self.has_left:
            on_leaving()

    async def write(self, part: bytes) -> None:
        """Send a part; waits while the caller reads slowly."""
        if self._keeps:
            self.kept.append(part)
        if not self.has_begun:
            self.has_begun = True
            await begin_stream(self._send, self.headers)
        if not self.has_left:
            await write_part(self._send, part)

    async def end(self, part: bytes = b"") -> None:
        """Send the last part."""
        self.close()
        await end_stream(self._send, part)

    def close(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        self._on_leaving()


def _do_nothing() -> None:
    return None
