"""A request as it comes in from the ASGI server."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from uuid import uuid4

import orjson

from ai_gateway.http.errors import ClientLeft, Refusal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Sender = Callable[[Message], Awaitable[None]]

LARGEST_BODY_BYTES = 32 * 1024 * 1024


class Request:
    """One request. ``id`` names it in logs, and to the provider."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.id = str(uuid4())
        self.receive = receive
        # By name in lower case, as ASGI gives them; of a repeated one the last.
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str:
        """Return a header's value, or an empty text."""
        found = self.headers.get(name)
        return found.decode("latin-1").strip() if found else ""

    async def read_body(self) -> bytes:
        """Read the body. Raises ``Refusal`` when it is too large, ``ClientLeft`` when it does not come."""
        self._check_size(int(length) if (length := self.header(b"content-length")).isdigit() else 0)
        message = await self.receive()
        body: bytes = message.get("body", b"")
        self._check_size(len(body))
        if message["type"] == "http.request" and not message.get("more_body"):  # small ones come whole
            return body
        parts, size = [body], len(body)
        while message["type"] != "http.disconnect" and message.get("more_body"):
            message = await self.receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._check_size(size)
        if message["type"] == "http.disconnect":
            raise ClientLeft
        return b"".join(parts)

    @staticmethod
    def _check_size(size_bytes: int) -> None:
        if size_bytes > LARGEST_BODY_BYTES:
            message = f"The body may have at most {LARGEST_BODY_BYTES // (1024 * 1024)} MB."
            raise Refusal(413, "request_too_large", message, headers={"connection": "close"})


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; raises ``Refusal``. An integer of more than 64 bits becomes a float."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "invalid_json", "The body of the request is no valid JSON.") from None
    if not isinstance(content, dict):
        raise Refusal(400, "invalid_json", "The body of the request must be a JSON object.")
    return content
