"""Errors in the shape that each SDK turns into its own exception."""

from collections.abc import Mapping
from typing import Any

import orjson

from ai_gateway.wire.sse import write_event
from ai_gateway.wire.types import FormatName

# The types that the providers themselves write. OpenAI has none for 402; a client that reads types takes this one for
# what it is, and no SDK tries again on a 402.
_OPENAI_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def write_error(
    format_name: FormatName,
    *,
    status: int,
    code: str,
    message: str,
    param: str | None = None,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> bytes:
    """Return an error's body. ``code`` is Winnow's reason code; ``details`` are numbers and ids, for programs.

    The status itself is the response's. Both SDKs show ``message`` and keep the object as ``error.body``.
    """
    if format_name == "messages":
        return orjson.dumps(_anthropic_error(status, code, message, param, details, request_id))
    return orjson.dumps({"error": _openai_error(status, code, message, param, details)})


def write_stream_error(
    format_name: FormatName,
    *,
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> bytes:
    """Return an error as an event in the middle of a stream; ``status`` is what it would be outside of one."""
    if format_name == "messages":
        error = _anthropic_error(status, code, message, None, details, request_id)
        return write_event(orjson.dumps(error), "error")
    error = _openai_error(status, code, message, None, details)
    if format_name == "responses":
        # The SDK raises for a nested object; who reads the events by themselves finds the documented fields.
        nested = {
            "type": "error",
            "code": code,
            "message": message,
            "param": None,
            "sequence_number": 0,
            "error": error,
        }
        return write_event(orjson.dumps(nested), "error")
    return write_event(orjson.dumps({"error": error}))


def _openai_error(
    status: int, code: str, message: str, param: str | None, details: Mapping[str, Any] | None
) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    return {**error, "details": details} if details else error


def _anthropic_error(
    status: int,
    code: str,
    message: str,
    param: str | None,
    details: Mapping[str, Any] | None,
    request_id: str | None,
) -> dict[str, Any]:
    kind = _ANTHROPIC_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    told = {"error_code": code, **({"param": param} if param else {}), **(details or {})}
    return {"type": "error", "error": {"type": kind, "message": message, "details": told}, "request_id": request_id}
