"""How a call through the gateway can end without an answer."""

from dataclasses import dataclass
from uuid import UUID


class GatewayError(Exception):
    """Base of this app's errors."""


class Unattributed(GatewayError):
    """The call names no company and none follows from its application, job or user. Nothing was sent."""


@dataclass
class AccessRefused(GatewayError):
    """The company may not make this call now. Nothing was sent, nothing is held.

    ``reason`` is one of the codes of requirement C2; ``needed_tokens`` is the least the call can run with.
    """

    reason: str
    message: str
    needed_tokens: int = 0
    available_tokens: int = 0

    def __str__(self) -> str:
        return self.message

    @property
    def waits_for_tokens(self) -> bool:
        """Whether the same call can go through once tokens arrive, or a budget has room again."""
        return self.reason in {"no_tokens_remaining", "insufficient_tokens", "budget_exceeded"}


@dataclass
class CallUnderWay(GatewayError):
    """The same idempotency key is in flight elsewhere; its result can be had by asking again later."""

    hold_id: UUID

    def __str__(self) -> str:
        return "The same call is under way."


@dataclass
class CallFailed(GatewayError):
    """No provider gave an answer within the bounds of attempts. The hold has ended.

    ``retryable``: whether the same call may succeed later without anybody changing anything. ``hold_id`` is None when
    nothing was held, because every provider that could answer is known to be down.
    """

    code: str
    message: str
    retryable: bool
    hold_id: UUID | None
    charged_tokens: int = 0

    def __str__(self) -> str:
        return self.message
