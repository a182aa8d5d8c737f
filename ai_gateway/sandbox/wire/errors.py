"""What the sandbox refuses or pretends to refuse; each dialect writes it in its provider's format."""

from typing import Literal

ErrorKind = Literal[
    "invalid", "authentication", "not_found", "too_large", "rate_limit", "quota", "overloaded", "server"
]


class ApiError(Exception):
    """An error answer. ``type`` and ``code`` override what the dialect would write for the kind."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.retry_after = retry_after
