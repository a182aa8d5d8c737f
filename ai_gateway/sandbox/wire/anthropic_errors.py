"""Anthropic's error bodies, statuses and headers."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.wire.errors import ApiError, ErrorKind

_STATUSES: Mapping[ErrorKind, int] = {
    "invalid": 400,
    "authentication": 401,
    "not_found": 404,
    "too_large": 413,
    "rate_limit": 429,
    "quota": 429,
    "overloaded": 529,
    "server": 500,
}
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
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
_QUOTA_CODE = "enforced_spend_limit_reached"


class AnthropicErrors:
    """The part of a dialect that all of Anthropic's endpoints share."""

    def write_error(self, error: ApiError, request_id: str) -> tuple[int, dict[str, Any], Headers]:
        """Write an error answer; a code stands in the details, as Anthropic's ``error_code``."""
        status = error.status or _STATUSES[error.kind]
        kind = error.type or _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
        written: dict[str, Any] = {"type": kind, "message": error.message}
        code = error.code or (_QUOTA_CODE if error.kind == "quota" else None)
        if code and error.kind != "invalid":
            written["details"] = {"error_code": code}
        retry = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
        return status, {"type": "error", "error": written, "request_id": f"req_{request_id}"}, retry

    def headers(self, request_id: str, seconds: float) -> Headers:
        """Return the headers of every answer."""
        return {"request-id": f"req_{request_id}"}
