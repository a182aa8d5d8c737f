"""What can go wrong with plans and subscriptions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


class BillingError(Exception):
    """Base of this app's errors."""


@dataclass
class TooManyCompanies(BillingError):
    """The person owns as many companies as one may open without the platform staff: each comes with free tokens."""

    owned_companies: int
    max_companies: int

    def __str__(self) -> str:
        return f"{self.owned_companies} companies are owned, {self.max_companies} are allowed"


@dataclass
class PriceExists(BillingError):
    """Another price of the model holds from exactly that moment on. Usage logs may name it, so it is not rewritten."""

    provider: str
    model: str
    effective_from: datetime

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} has another price from exactly {self.effective_from.isoformat()} on"


@dataclass
class TermsExist(BillingError):
    """Other terms of the same model or operation hold from exactly that moment on, and are not rewritten."""

    subject: str
    effective_from: datetime

    def __str__(self) -> str:
        return f"{self.subject} has other terms from exactly {self.effective_from.isoformat()} on"


@dataclass
class TermsInThePast(BillingError):
    """A weight or rate would begin in the past: what balances were charged by is not changed afterwards."""

    effective_from: datetime

    def __str__(self) -> str:
        return f"{self.effective_from.isoformat()} is in the past"


@dataclass
class TermsInForce(BillingError):
    """The terms are in force, or too nearly so to be withdrawn: usage logs may name them."""

    terms_id: UUID

    def __str__(self) -> str:
        return f"{self.terms_id} is in force"
