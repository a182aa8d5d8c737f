"""May this company use AI now? One answer for views, tasks and the gateway (requirement C2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

from django.db import connection

from billing.models import SubscriptionStatus
from billing.prices import find_price
from billing.rates import find_operation_rate
from billing.remembering import Remembered
from tenants.errors import NotAMember
from tenants.models import Company, User
from tenants.selectors import get_company_of
from tokens.selectors import Balance, get_balance

TERMS_SECONDS = 2.0

Reason = Literal[
    "",
    "no_subscription",
    "subscription_deactivated",
    "subscription_expired",
    "no_tokens_remaining",
    "insufficient_tokens",
    "model_not_priced",
]


@dataclass(frozen=True)
class Refusal:
    """Why a company may not use AI: a code for programs, a sentence for people."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Terms:
    """What a company's subscription says at this moment.

    ``days_remaining`` counts begun days up to the end of the period. ``margin_percent`` is the company's own, or its
    plan's; without a subscription it is None: then ``refusal`` is set and nothing is sold. ``allows_unpriced_models``:
    the company may use models whose price is not known. ``answer_days``: for how long its answers are kept, None where
    it leaves that to the settings.
    """

    refusal: Refusal | None
    margin_percent: Decimal | None = None
    days_remaining: int = 0
    plan_name: str = ""
    allows_unpriced_models: bool = False
    answer_days: int | None = None


@dataclass(frozen=True)
class AccessDecision:
    """Whether a use of AI is admitted, with the numbers to show. ``reason`` is empty when it is.

    ``original_tokens`` and ``consumed_tokens`` count the effective allocations, ``tokens_remaining`` is what new
    calls can take.
    """

    has_access: bool
    reason: Reason
    message: str
    tokens_remaining: int
    original_tokens: int
    consumed_tokens: int
    days_remaining: int


NO_SUBSCRIPTION = Refusal("no_subscription", "There is no subscription. Choose a plan to use AI.")
DEACTIVATED = Refusal("subscription_deactivated", "The subscription is deactivated. Ask support to activate it again.")
EXPIRED = Refusal("subscription_expired", "The subscription has expired. Renew it to use AI again.")
MODEL_NOT_PRICED = Refusal(
    "model_not_priced", "The price of this model is not known, so it cannot be used. Support has been told."
)
WITHOUT_SUBSCRIPTION = Terms(NO_SUBSCRIPTION)

# Written out, because the gateway asks it all the time: the ORM takes three times as long to ask the same.
_TERMS = """
    SELECT s.company_id, s.status, c.is_active, s.period_ends_at - clock_timestamp(), s.margin_percent,
           p.margin_percent, p.name, s.allows_unpriced_models, c.answer_days
    FROM billing_subscription s JOIN tenants_company c ON c.id = s.company_id JOIN billing_plan p ON p.code = s.plan_id
    WHERE s.is_current AND s.company_id = ANY(%s)
"""


def check_ai_access(company_id: int, *, estimated_tokens: int, feature_name: str = "") -> AccessDecision:
    """Decide whether a company may use AI for about ``estimated_tokens``.

    An answer to show, not a promise: what is admitted for certain is decided by the hold of the call itself.
    """
    terms, balance = get_terms(company_id), get_balance(company_id)
    refusal = terms.refusal or _refuse_for_tokens(balance.available_tokens, estimated_tokens, feature_name)
    return AccessDecision(
        has_access=refusal is None,
        reason=refusal.reason if refusal else "",
        message=refusal.message if refusal else "",
        tokens_remaining=balance.available_tokens,
        original_tokens=balance.allocated_tokens,
        consumed_tokens=balance.used_tokens,
        days_remaining=terms.days_remaining,
    )


def check_ai_access_for_user(
    user: User, estimated_tokens: int, feature_name: str = "", *, company: Company | None = None
) -> AccessDecision:
    """Decide as ``check_ai_access`` does for the company of ``user``; a user without one has no subscription.

    Raises:
        CompanyNotNamed: the user belongs to several companies and none is named.
        NotAMember: the user does not belong to the company that is named.
    """
    try:
        own_company = get_company_of(user, company)
    except NotAMember:
        if company is not None:
            raise
        return _no_company()
    return check_ai_access(own_company.pk, estimated_tokens=estimated_tokens, feature_name=feature_name)


def check_subscription(company_id: int) -> Refusal | None:
    """Return why a company's subscription does not admit AI calls, or None. One query."""
    return get_terms(company_id).refusal


def get_terms(company_id: int) -> Terms:
    """Read a company's subscription by the database's clock. One query."""
    return list_terms([company_id])[company_id]


def get_terms_cached(company_id: int) -> Terms:
    """Return a company's terms of at most ``TERMS_SECONDS`` ago: for the gateway, which asks at every call."""
    return _remembered.get(company_id)


async def warm_terms(company_id: int) -> None:
    """See to it that ``get_terms_cached`` asks no database just after this: for callers on an event loop."""
    await _remembered.warm(company_id)


def forget_terms() -> None:
    """Drop the terms that this process remembers."""
    _remembered.forget()


def admit_model(terms: Terms, provider: str, model: str, operation: str) -> Refusal | None:
    """Return why a company may not use a model for an operation, or None.

    A model without a price is for operations that have a fallback, and for companies whose terms allow it. Asks no
    database while prices and rates are remembered.
    """
    if terms.allows_unpriced_models or find_price(provider, model) is not None:
        return None
    rate = find_operation_rate(operation)
    return None if rate is not None and rate.has_fallback else MODEL_NOT_PRICED


def list_terms(company_ids: Iterable[int]) -> dict[int, Terms]:
    """Read the subscriptions of several companies in one query; a company without one gets a refusal."""
    ids = list(company_ids)
    with connection.cursor() as cursor:
        cursor.execute(_TERMS, [ids])
        found = {company_id: _terms(*subscription) for company_id, *subscription in cursor.fetchall()}
    return {company_id: found.get(company_id, WITHOUT_SUBSCRIPTION) for company_id in ids}


def _terms(
    status: str,
    is_active: bool,
    time_left: timedelta,
    own_margin: Decimal | None,
    plan_margin: Decimal,
    plan_name: str,
    allows_unpriced_models: bool,
    answer_days: int | None,
) -> Terms:
    is_deactivated = status == SubscriptionStatus.DEACTIVATED or not is_active
    is_over = time_left <= timedelta(0)
    return Terms(
        refusal=DEACTIVATED if is_deactivated else EXPIRED if is_over else None,
        margin_percent=plan_margin if own_margin is None else own_margin,
        days_remaining=max(0, ceil(time_left / timedelta(days=1))),
        plan_name=plan_name,
        allows_unpriced_models=allows_unpriced_models,
        answer_days=answer_days,
    )


def _refuse_for_tokens(available_tokens: int, estimated_tokens: int, feature_name: str) -> Refusal | None:
    if available_tokens <= 0:
        return Refusal("no_tokens_remaining", "There are no tokens left. Add tokens to use AI again.")
    if available_tokens < estimated_tokens:
        wanted = f"{feature_name or 'This'} needs about {estimated_tokens:,} tokens"
        return Refusal("insufficient_tokens", f"{wanted} and {available_tokens:,} are left.")
    return None


def _no_company() -> AccessDecision:
    empty = Balance()
    return AccessDecision(
        has_access=False,
        reason=NO_SUBSCRIPTION.reason,
        message="You belong to no company yet. Create one to use AI.",
        tokens_remaining=empty.available_tokens,
        original_tokens=empty.allocated_tokens,
        consumed_tokens=empty.used_tokens,
        days_remaining=0,
    )


_remembered = Remembered(get_terms, seconds=TERMS_SECONDS)
