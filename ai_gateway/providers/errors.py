"""How a request to a provider can fail, and whether it may have cost something all the same."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

from ai_gateway.errors import GatewayError
from ai_gateway.providers.types import Usage

# Whether the provider may have done billable work:
# not_sent  the request never left; refused  the provider said no before working; unknown  it may have worked.
Delivery = Literal["not_sent", "refused", "unknown"]


class ProviderError(GatewayError):
    """Base of all failures of a provider.

    ``message`` is ours: it holds no key and nothing of the prompt, and may be shown. ``detail`` is the
    provider's wording without keys; it may quote the prompt, so it belongs where text can be erased.
    ``usage`` is what the provider says it counted, where a failed answer still carried that, or what we counted of it.
    ``status`` is the provider's, where it sent one. ``has_begun``: a part of the answer has reached whoever asked, so
    that no other attempt can follow.
    """

    code: ClassVar[str] = "provider_error"
    retryable_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        delivery: Delivery,
        retryable: bool | None = None,
        retry_after_seconds: float | None = None,
        provider_request_id: str = "",
        detail: str = "",
        usage: Usage | None = None,
        status: int | None = None,
        has_begun: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.delivery = delivery
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after_seconds = retry_after_seconds
        self.provider_request_id = provider_request_id
        self.detail = detail
        self.usage = usage
        self.status = status
        self.has_begun = has_begun

    def __reduce__(self) -> tuple[Callable[[], "ProviderError"], tuple[()]]:
        """Rebuild from keywords: worker processes hand exceptions over pickled."""
        facts = {name: value for name, value in vars(self).items() if name != "message"}
        return partial(type(self), self.message, **facts), ()


class ProviderUnavailable(ProviderError):
    """It cannot be reached, cut the connection, or failed inside."""

    code = "provider_unavailable"
    retryable_by_default = True


class ProviderTimeout(ProviderError):
    """No whole answer within the request's time."""

    code = "provider_timeout"
    retryable_by_default = True


class ProviderRateLimited(ProviderError):
    """Too many requests or tokens a minute; see ``retry_after_seconds``."""

    code = "provider_rate_limited"
    retryable_by_default = True


class ProviderOverloaded(ProviderError):
    """The provider has more work than it can do."""

    code = "provider_overloaded"
    retryable_by_default = True


class ProviderQuotaSpent(ProviderError):
    """The platform's account has no credit left, or met a spend limit: waiting does not help."""

    code = "provider_quota_spent"


class ProviderKeyRejected(ProviderError):
    """The key is wrong, or may not use this model or service."""

    code = "provider_key_rejected"


class ProviderRejectedRequest(ProviderError):
    """The same request will be refused again: too long, malformed, or for an unknown model."""

    code = "provider_rejected_request"


class ProviderGarbledAnswer(ProviderError):
    """It answered with success, but not in its own format. It has probably charged for that."""

    code = "provider_garbled_answer"
    retryable_by_default = True


class ProviderInterrupted(ProviderError):
    """Winnow itself stopped reading the answer: its process is ending."""

    code = "interrupted"
    retryable_by_default = True


class ProviderCircuitOpen(ProviderError):
    """It failed so often of late that it is not asked for a while (``ai_gateway/breakers.py``)."""

    code = "provider_circuit_open"
    retryable_by_default = True
