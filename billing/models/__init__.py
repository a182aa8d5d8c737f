"""Tables of terms: plans and subscriptions, the price book, weights and rates."""

from billing.models.plan import Plan, Subscription, SubscriptionStatus
from billing.models.price import CLASS_PRICES, STANDARD, STANDARD_NAMES, ClassPrices, PriceRate, PriceVersion
from billing.models.rate import RATE_AMOUNTS, OperationRate, RefusedModel, WeightVersion

__all__ = [
    "CLASS_PRICES",
    "RATE_AMOUNTS",
    "STANDARD",
    "STANDARD_NAMES",
    "ClassPrices",
    "OperationRate",
    "Plan",
    "PriceRate",
    "PriceVersion",
    "RefusedModel",
    "Subscription",
    "SubscriptionStatus",
    "WeightVersion",
]
