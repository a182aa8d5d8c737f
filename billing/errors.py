"""What can go wrong with plans and subscriptions."""

from dataclasses import dataclass
from datetime import datetime


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
