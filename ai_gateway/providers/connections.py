"""The kept connections to one address: one HTTP client for all threads, and one for each event loop."""

import asyncio
from collections.abc import AsyncGenerator
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from ai_gateway.providers.transport import (
    AsyncBoundedClient,
    BoundedClient,
    build_async_http_client,
    build_http_client,
)


class LoopConnections:
    """The connections of one event loop, and the SDK clients that use them, by the adapter they belong to."""

    def __init__(self, base_url: str) -> None:
        self.http_client: AsyncBoundedClient = build_async_http_client(base_url)
        self.sdk_clients: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class Connections:
    """Made when first used, and shared by adapters with different keys: a client takes 0.1 s to make."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._kept: dict[asyncio.AbstractEventLoop, tuple[LoopConnections, AsyncGenerator[LoopConnections]]] = {}

    @cached_property
    def http_client(self) -> BoundedClient:
        """The client that threads share."""
        return build_http_client(self.base_url)

    def __del__(self) -> None:
        """Close the threads' connections with the last adapter: the SDKs' clients go in circles, which close late."""
        client = self.__dict__.get("http_client")
        if client is not None:
            client.close()

    async def of_running_loop(self) -> LoopConnections:
        """Return the connections of the event loop that this runs in; they are closed when the loop ends."""
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            # Loops that ended without asyncio.run's tidying up cannot close anything any more.
            for ended in [kept for kept in self._kept if kept.is_closed()]:
                del self._kept[ended]
            keeper = self._keep(loop)
            self._kept[loop] = await anext(keeper), keeper
        return self._kept[loop][0]

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[LoopConnections]:
        """Hold connections until the loop ends: before that, asyncio.run closes every async generator."""
        connections = LoopConnections(self.base_url)
        try:
            yield connections
        finally:
            self._kept.pop(loop, None)
            await connections.http_client.aclose()
