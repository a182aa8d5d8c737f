"""Put companies on plans, and keep the price book."""

from billing.services.price_book import PriceSync, sync_prices
from billing.services.subscriptions import grant_period_tokens, open_company

__all__ = ["PriceSync", "grant_period_tokens", "open_company", "sync_prices"]
