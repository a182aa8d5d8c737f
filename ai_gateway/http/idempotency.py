"""Repeats of a call: the key that names it, and the answer that it got."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ai_gateway.http.errors import Refusal
from ai_gateway.http.remembering import Reads
from ai_gateway.http.requests import Request
from ai_gateway.wire.types import FormatName
from tokens.models import Hold, HoldState

_LONGEST_KEY = 200
_LONGEST_LOOK_SECONDS = 1.0


def read_key(request: Request, format_name: FormatName) -> str | None:
    """Return the ledger's name of the caller's key: keys of other endpoints and of our own work are others."""
    key = request.header(b"idempotency-key")
    if not key:
        return None
    if len(key) > _LONGEST_KEY or not key.isprintable():
        message = f"An Idempotency-Key may have at most {_LONGEST_KEY} printable characters."
        raise Refusal(400, "invalid_idempotency_key", message)
    return f"http:{format_name}:{key}"


def hash_request(request: Request, body: bytes) -> bytes:
    """Return the SHA-256 of what is asked; the model is part of the body."""
    return hashlib.sha256(b"\n".join([request.method.encode(), request.path.encode(), body])).digest()


def store_body(body: bytes, content_type: str) -> dict[str, Any]:
    """Return an answer as JSON that the database can keep, to be given again byte for byte."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return {"base64": base64.b64encode(body).decode(), "content_type": content_type}
    return {"text": text, "content_type": content_type}


def read_stored(stored: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the body and the content type of a stored answer."""
    body = base64.b64decode(stored["base64"]) if "base64" in stored else stored["text"].encode()
    return body, stored["content_type"]


async def wait_until_ended(reads: Reads, hold_id: UUID, seconds: float) -> bool:
    """Wait for a call that another request makes; returns whether it ended in time."""
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + seconds, 0.05
    while clock() < deadline:
        await asyncio.sleep(min(pause, _LONGEST_LOOK_SECONDS))
        pause *= 1.5
        if not await reads.run(lambda: Hold.objects.filter(pk=hold_id, state=HoldState.OPEN).exists()):
            return True
    return False
