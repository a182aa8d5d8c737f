"""Put companies on plans, renew them, and keep the price book (whose price list takes half a second to import)."""

from billing.services.subscriptions import grant_period_tokens, open_company

__all__ = ["grant_period_tokens", "open_company"]
