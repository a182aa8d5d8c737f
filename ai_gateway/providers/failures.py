"""Tell what a failed exchange with a provider means: which error, and whether work may have been billed.

Pure functions of what both SDKs, synchronous and not, have in common: a status, headers and a body, or the
network's exception.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from ai_gateway.providers.errors import (
    Delivery,
    ProviderError,
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    ProviderUnavailable,
)

# Sent with status 429 or 400, yet waiting does not help.
_QUOTA_CODES = {
    "billing_error",
    "contract_spend_limit_reached",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
    "insufficient_quota",
    "linked_organization_billing_unavailable",
    "linked_organization_spend_limit_reached",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
}
# Anthropic names an empty account and one's own spend limit only in words.
_QUOTA_WORDS = re.compile(r"credit balance is too low|specified API usage limits", re.IGNORECASE)
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key)-[\w*.-]{6,}|Bearer\s+\S+", re.IGNORECASE)
_PRINTABLE_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_DETAIL_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class _Complaint:
    """The provider's error object, read from any of the formats in use."""

    present: bool
    type: str
    codes: frozenset[str]
    message: str

    def name(self, api_key: str) -> str:
        """Return the most telling code that is safe to show: one that is no prose and holds no key."""
        candidates = sorted(self.codes - {self.type}) + [self.type]
        safe = (code for code in candidates if redact(code, api_key) == code)
        return next((code for code in safe if _PRINTABLE_CODE.fullmatch(code)), "")


def classify_response(
    *, provider: str, status: int, headers: Mapping[str, str], body: object, api_key: str
) -> ProviderError:
    """Explain an error that the provider sent, with an error status or in the middle of a stream (200)."""
    complaint = _read_complaint(body)
    error_class, phrase, delivery = _judge(status, complaint)
    code = f"{status} {complaint.name(api_key)}".strip()
    return error_class(
        f"{provider} {phrase} ({code}).",
        delivery=delivery,
        retryable=False if headers.get("x-should-retry") == "false" else None,
        retry_after_seconds=read_retry_after(headers),
        provider_request_id=(headers.get("x-request-id") or headers.get("request-id") or "")[:128],
        detail=redact(complaint.message, api_key)[:_DETAIL_CHARACTERS],
        status=status,
    )


def classify_transport(*, provider: str, cause: BaseException | None) -> ProviderError:
    """Explain an exchange that the network ended; ``cause`` is the HTTP client's exception, if known."""
    match cause:
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout() | httpx2.ProxyError():
            return ProviderUnavailable(f"{provider} cannot be reached.", delivery="not_sent")
        case httpx2.UnsupportedProtocol() | httpx2.LocalProtocolError():
            return ProviderRejectedRequest(
                f"No request can be sent to {provider}: check its address.", delivery="not_sent"
            )
        case httpx2.TimeoutException():
            return ProviderTimeout(f"{provider} did not answer in time.", delivery="unknown")
        case httpx2.DecodingError():
            return ProviderGarbledAnswer(f"The answer of {provider} cannot be decoded.", delivery="unknown")
    return ProviderUnavailable(f"The connection to {provider} broke.", delivery="unknown")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait, from any of the three spellings; else ``None``."""
    milliseconds = _read_seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _read_seconds(value)
    return _read_date(value) if value and seconds is None else seconds


def redact(text: str, api_key: str) -> str:
    """Return ``text`` without the key and without anything that looks like one."""
    return _KEY_LIKE.sub("[key]", text.replace(api_key, "[key]") if api_key else text)


def _judge(status: int, complaint: _Complaint) -> tuple[type[ProviderError], str, Delivery]:
    """Return the error class, our words for it, and whether the provider may have worked."""
    kind = complaint.type
    if status == 402 or complaint.codes & _QUOTA_CODES or _QUOTA_WORDS.search(complaint.message):
        return ProviderQuotaSpent, "has no quota left for this account", "refused"
    if status in {401, 403} or kind in {"authentication_error", "permission_error"}:
        return ProviderKeyRejected, "rejected the key", "refused"
    if status == 429 or kind == "rate_limit_error":
        return ProviderRateLimited, "limits the rate of requests", "refused"
    if status == 529 or kind == "overloaded_error":
        # In the middle of a stream (status 200) tokens have already been made.
        return ProviderOverloaded, "is overloaded", "unknown" if status < 400 else "refused"
    if status in {408, 504} or kind == "timeout_error":
        return ProviderTimeout, "did not finish in time", "unknown"
    if status == 503 and complaint.present:
        return ProviderOverloaded, "is overloaded", "refused"
    if status == 409:
        return ProviderUnavailable, "is busy with a conflicting request", "refused"
    if 300 <= status < 400:
        return ProviderRejectedRequest, "answered with a redirect: check its address", "refused"
    if 400 <= status < 500:
        return ProviderRejectedRequest, "rejected the request", "refused"
    # A bare 503 may come from a proxy in front of a provider that did the work.
    return ProviderUnavailable, "failed", "unknown"


def _read_complaint(body: object) -> _Complaint:
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(inner, Mapping):
        message = inner if isinstance(inner, str) else ""
        return _Complaint(present=False, type="", codes=frozenset(), message=message)
    details = inner.get("details")
    nested: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
    type_ = inner.get("type")
    codes = {type_, inner.get("code"), nested.get("error_code")}
    text = inner.get("message")
    return _Complaint(
        present=bool(text or type_),
        type=type_ if isinstance(type_, str) else "",
        codes=frozenset(code for code in codes if isinstance(code, str)),
        message=text if isinstance(text, str) else "",
    )


def _read_seconds(value: str | None) -> float | None:
    try:
        seconds = float(value) if value else math.nan
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _read_date(value: str) -> float | None:
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
