"""What each failure is to a caller over HTTP: the one map from errors to statuses, codes and headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import Error as DatabaseError

from ai_gateway.errors import AccessRefused, CallFailed, CallUnderWay, Unattributed
from ai_gateway.provider_keys import NoEncryptionKey, ProviderKeyUnreadable
from ai_gateway.providers.errors import ProviderError
from ai_gateway.wire.types import FormatName, RequestRefused
from tokens.errors import AnswerExpired, KeyInUse, LedgerAway

logger = structlog.get_logger(__name__)

# Both SDKs obey it, whatever the status says.
_DO_NOT_RETRY = {"x-should-retry": "false"}
_PROVIDER_STATUS = {
    "provider_rejected_request": 400,
    "provider_rate_limited": 429,
    "provider_overloaded": 503,
    "provider_quota_spent": 503,
    "provider_circuit_open": 503,
    "provider_timeout": 504,
    "interrupted": 503,
}
_OVERLOADED = {"messages": 529}


@dataclass
class Refusal(Exception):
    """An answer that is an error. ``details`` are numbers and ids for programs."""

    status: int
    code: str
    message: str
    param: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


class ClientLeft(Exception):
    """Whoever asked has closed the connection: there is nobody to answer."""


def explain(error: Exception, format_name: FormatName) -> Refusal:
    """Tell what an error is over HTTP. What is not known here is a defect: logged, and a 500 that says nothing."""
    if isinstance(error, Refusal):
        return error
    for kind, explanation in _EXPLANATIONS.items():
        if isinstance(error, kind):
            return explanation(error, format_name)
    logger.error("gateway_failed", exc_info=error)
    return Refusal(500, "internal_error", "Winnow failed on this request. Nothing more was charged for it.")


def _explain_request(error: RequestRefused, _format: FormatName) -> Refusal:
    return Refusal(error.status, error.code, error.message, error.param)


def _explain_attribution(error: Unattributed, _format: FormatName) -> Refusal:
    return Refusal(400, "unattributed", str(error))


def _explain_access(error: AccessRefused, _format: FormatName) -> Refusal:
    details = {"needed_tokens": error.needed_tokens, "available_tokens": error.available_tokens}
    status = 403 if error.reason == "model_not_priced" else 402
    return Refusal(status, error.reason, error.message, details=details)


def _explain_flight(error: CallUnderWay, _format: FormatName) -> Refusal:
    details = {"call_id": str(error.hold_id)}
    return Refusal(409, "call_under_way", str(error), details=details, headers={"retry-after": "2"})


def _explain_key(_error: KeyInUse, _format: FormatName) -> Refusal:
    message = "This Idempotency-Key was used with another request."
    return Refusal(409, "idempotency_key_in_use", message, headers=_DO_NOT_RETRY)


def _explain_expiry(error: AnswerExpired, _format: FormatName) -> Refusal:
    message = "The call of this Idempotency-Key was made and charged; its stored answer is past its retention."
    return Refusal(409, "answer_expired", message, details={"call_id": str(error.hold_id)}, headers=_DO_NOT_RETRY)


def _explain_ledger(_error: Exception, _format: FormatName) -> Refusal:
    message = "Winnow cannot reach its database, so nothing was sent. Try again."
    return Refusal(503, "ledger_away", message, headers={"retry-after": "2"})


def _explain_own_key(_error: Exception, _format: FormatName) -> Refusal:
    message = "Your company's own key at this provider cannot be read. Set it again on the page 'Provider keys'."
    return Refusal(503, "provider_key_unreadable", message, headers=_DO_NOT_RETRY)


def _explain_failure(error: CallFailed, format_name: FormatName) -> Refusal:
    """Pass on what the provider said, but never as an error of the caller's own key or account."""
    cause = error.__cause__ if isinstance(error.__cause__, ProviderError) else None
    status, message = _PROVIDER_STATUS.get(error.code, 502), error.message
    headers: dict[str, str] = {}
    if error.code == "provider_rejected_request" and cause is not None:
        if cause.status is None or cause.status < 400:  # nothing was sent, or a redirect came: our address is wrong
            status = 502
        else:
            status, message = cause.status, cause.detail or message
    if error.code == "provider_overloaded":
        status = _OVERLOADED.get(format_name, status)
    if cause is not None and cause.retry_after_seconds is not None:
        headers["retry-after"] = f"{cause.retry_after_seconds:g}"
    if error.charged_tokens:
        headers["x-winnow-tokens-charged"] = str(error.charged_tokens)
    if error.charged_tokens or not error.retryable:
        headers |= _DO_NOT_RETRY
    details = {"tokens_charged": error.charged_tokens, "call_id": str(error.hold_id) if error.hold_id else None}
    return Refusal(status, error.code, message, details=details, headers=headers)


_EXPLANATIONS: Mapping[type[Exception], Callable[[Any, FormatName], Refusal]] = {
    RequestRefused: _explain_request,
    Unattributed: _explain_attribution,
    AccessRefused: _explain_access,
    CallUnderWay: _explain_flight,
    CallFailed: _explain_failure,
    KeyInUse: _explain_key,
    AnswerExpired: _explain_expiry,
    ProviderKeyUnreadable: _explain_own_key,
    NoEncryptionKey: _explain_own_key,
    LedgerAway: _explain_ledger,
    DatabaseError: _explain_ledger,
}
