"""The little of HTTP that the sandbox needs, on bare ASGI."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = dict[str, str]

MAX_BODY_BYTES = 32 * 1024 * 1024


class BodyTooLarge(Exception):
    """A request body exceeds ``MAX_BODY_BYTES``."""


class ClientLeft(Exception):
    """The client closed the connection before the answer was complete."""


class Connection:
    """One request and its answer."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._receive = receive
        self._send = send
        self._leaving: asyncio.Task[Message] | None = None

    async def read_body(self) -> bytes:
        """Read the request's body, and from then on notice when the client leaves; raise ``BodyTooLarge``."""
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MAX_BODY_BYTES:
                raise BodyTooLarge
            more = message.get("more_body", False)
        self._leaving = asyncio.ensure_future(self._receive())
        return b"".join(parts)

    async def send_json(self, status: int, value: object, headers: Headers) -> None:
        """Answer with JSON."""
        await self.send_whole(status, json.dumps(value, ensure_ascii=False).encode(), "application/json", headers)

    async def send_whole(self, status: int, body: bytes, content_type: str, headers: Headers) -> None:
        """Answer with a body of known length."""
        await self.start(status, content_type, {**headers, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, content_type: str, headers: Headers) -> None:
        """Send the head of an answer."""
        lines: Iterable[tuple[str, str]] = {"content-type": content_type, **headers}.items()
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, part: bytes) -> None:
        """Send a part of the body; raise ``ClientLeft``."""
        await asyncio.sleep(0)  # lets the event loop notice that the client has left
        if self._leaving is not None and self._leaving.done():
            raise ClientLeft
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def finish(self) -> None:
        """End the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def wait(self, seconds: float) -> None:
        """Let time pass; raise ``ClientLeft`` if the client does not wait that long."""
        if self._leaving is None:
            await asyncio.sleep(seconds)
            return
        done, _ = await asyncio.wait([self._leaving], timeout=seconds)
        if done:
            raise ClientLeft

    async def cut(self) -> None:
        """Close the connection under the client, after what was already written."""
        # ASGI has no word for this; under uvicorn, "send" belongs to the object that holds the connection.
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("only uvicorn lets the sandbox close a connection")
        transport.close()
        if self._leaving is not None:
            await asyncio.wait([self._leaving], timeout=5)

    def close(self) -> None:
        """Stop watching for the client to leave."""
        if self._leaving is not None:
            self._leaving.cancel()
