"""OpenAI's error bodies, statuses and headers."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.wire.errors import ApiError, ErrorKind

# Status, type and code of each kind.
_FORMS: Mapping[ErrorKind, tuple[int, str, str | None]] = {
    "invalid": (400, "invalid_request_error", None),
    "authentication": (401, "invalid_request_error", "invalid_api_key"),
    "not_found": (404, "invalid_request_error", None),
    "too_large": (413, "invalid_request_error", None),
    "rate_limit": (429, "requests", "rate_limit_exceeded"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "overloaded": (503, "server_error", "slow_down"),
    "server": (500, "server_error", None),
}


def write_error_object(error: ApiError) -> dict[str, Any]:
    """Write the object under "error"."""
    _, kind, code = _FORMS[error.kind]
    return {"message": error.message, "type": error.type or kind, "param": error.param, "code": error.code or code}


class OpenAIErrors:
    """The part of a dialect that all of OpenAI's endpoints share."""

    def write_error(self, error: ApiError, request_id: str) -> tuple[int, dict[str, Any], Headers]:
        """Write an error answer."""
        status = error.status or _FORMS[error.kind][0]
        retry = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
        return status, {"error": write_error_object(error)}, retry

    def headers(self, request_id: str, seconds: float) -> Headers:
        """Return the headers of every answer."""
        return {"x-request-id": request_id, "openai-processing-ms": str(round(seconds * 1000))}
