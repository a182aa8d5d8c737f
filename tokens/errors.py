"""What the ledger refuses, and what the caller needs to know about it."""

from dataclasses import dataclass
from uuid import UUID


class LedgerError(Exception):
    """Base of this app's errors."""


@dataclass
class InsufficientTokens(LedgerError):
    """The available balance does not cover the smallest hold that the call can run with."""

    available_tokens: int
    minimum_tokens: int
    debt_tokens: int

    def __str__(self) -> str:
        return f"{self.minimum_tokens} tokens are needed, {self.available_tokens} are available"


@dataclass
class BudgetExceeded(LedgerError):
    """A budget that stops has not enough left for the smallest hold that the call can run with."""

    budget_id: UUID
    left_tokens: int
    minimum_tokens: int

    def __str__(self) -> str:
        return f"{self.minimum_tokens} tokens are needed, the budget has {self.left_tokens} left"


@dataclass
class KeyInUse(LedgerError):
    """The idempotency key stands for another request: the same key came with different content."""

    key: str

    def __str__(self) -> str:
        return f"idempotency key {self.key!r} was used with another request"


@dataclass
class CallInFlight(LedgerError):
    """A call with this idempotency key is under way and its lease has not run out."""

    hold_id: UUID

    def __str__(self) -> str:
        return f"a call with this key is in flight under hold {self.hold_id}"


@dataclass
class AnswerExpired(LedgerError):
    """The call of this key was made and charged; its stored answer is past its retention."""

    hold_id: UUID

    def __str__(self) -> str:
        return f"the answer stored under hold {self.hold_id} has expired"


@dataclass
class HoldEnded(LedgerError):
    """The hold is no longer open, so what was asked of it cannot be done."""

    hold_id: UUID
    state: str

    def __str__(self) -> str:
        return f"hold {self.hold_id} is {self.state}"


@dataclass
class RefundTooLarge(LedgerError):
    """More was asked back than is left of the charge."""

    refundable_tokens: int

    def __str__(self) -> str:
        return f"{self.refundable_tokens} tokens of this charge are left to refund"


@dataclass
class NotACharge(LedgerError):
    """There is no such charge: the row is missing, or is itself a correction."""

    usage_log_id: UUID

    def __str__(self) -> str:
        return f"usage log {self.usage_log_id} is no charge that could be corrected"


class LedgerAway(LedgerError):
    """The database cannot be reached, so nothing can be reserved."""

    def __str__(self) -> str:
        return "the ledger's database cannot be reached"
