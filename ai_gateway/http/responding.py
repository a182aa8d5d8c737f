"""Answers on their way to the ASGI server: whole, or as they come."""

from collections.abc import Mapping

from ai_gateway.http.errors import Refusal
from ai_gateway.http.requests import Sender
from ai_gateway.wire.errors import write_error
from ai_gateway.wire.types import FormatName

JSON = "application/json"
EVENTS = "text/event-stream"


async def respond(send: Sender, status: int, body: bytes, headers: Mapping[str, str], content_type: str = JSON) -> None:
    """Answer with a body of known length."""
    lines = {"content-type": content_type, "content-length": str(len(body)), **headers}
    await send({"type": "http.response.start", "status": status, "headers": _encode(lines)})
    await send({"type": "http.response.body", "body": body})


async def respond_with_error(send: Sender, refusal: Refusal, format_name: FormatName, request_id: str) -> None:
    """Answer with an error in the shape that the caller's SDK turns into its own exception."""
    body = write_error(
        format_name,
        status=refusal.status,
        code=refusal.code,
        message=refusal.message,
        param=refusal.param,
        details=refusal.details,
        request_id=request_id,
    )
    await respond(send, refusal.status, body, {**request_id_header(format_name, request_id), **refusal.headers})


async def begin_stream(send: Sender, headers: Mapping[str, str], content_type: str = EVENTS) -> None:
    """Send the head of an answer that comes in parts; no proxy is to keep them back."""
    lines = {"content-type": content_type, "cache-control": "no-cache", "x-accel-buffering": "no", **headers}
    await send({"type": "http.response.start", "status": 200, "headers": _encode(lines)})


async def write_part(send: Sender, part: bytes) -> None:
    """Send a part; waits while the caller reads more slowly than the provider writes."""
    await send({"type": "http.response.body", "body": part, "more_body": True})


async def end_stream(send: Sender, part: bytes = b"") -> None:
    """Send the last part."""
    await send({"type": "http.response.body", "body": part, "more_body": False})


def request_id_header(format_name: FormatName, request_id: str) -> dict[str, str]:
    """Return the header from which the SDK of that format reads the request's id."""
    return {"request-id" if format_name == "messages" else "x-request-id": request_id}


def _encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
