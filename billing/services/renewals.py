"""Begin a subscription's next period when one has ended: roll over what the plan lets, and grant the new tokens."""

from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from billing.models import Subscription, SubscriptionStatus
from billing.periods import month_from
from billing.services.subscriptions import grant_period_tokens, period_source_id
from tokens.models import Allocation, Source
from tokens.models.fields import ClockTimestamp
from tokens.services.grants import roll_over

logger = structlog.get_logger(__name__)

# Tokens of the period before are spent first: they cannot be kept another time.
ROLLOVER_PRIORITY = 90

_DUE = Q(is_current=True, status=SubscriptionStatus.ACTIVE, company__is_active=True)


def renew_due_subscriptions() -> int:
    """Renew every active subscription whose period has ended; returns how many.

    One that was due for several periods takes one step a call: no period is left out, and each grants once.
    """
    due = Subscription.objects.filter(_DUE, period_ends_at__lte=ClockTimestamp()).values_list("pk", flat=True)
    return sum(renew_subscription(subscription_id=subscription_id) for subscription_id in due)


def renew_subscription(*, subscription_id: UUID) -> bool:
    """Begin the next period of a subscription whose period has ended. Returns False when it is not due (any more).

    What is free of the ended period's tokens lives on for one period, at most the plan's ``max_rollover_tokens``.
    Tokens that running calls hold stay usable until those end.
    """
    with transaction.atomic():
        subscription = (
            Subscription.objects.select_for_update(no_key=True, of=("self",))
            .select_related("company", "plan")
            .filter(_DUE, pk=subscription_id, period_ends_at__lte=ClockTimestamp())
            .first()
        )
        if subscription is None:
            return False
        ended_source_id = period_source_id(subscription)
        zone = subscription.company.zone
        period = month_from(subscription.period_ends_at.astimezone(zone).date(), zone)
        subscription.period_starts_at, subscription.period_ends_at = period.starts_at, period.ends_at
        subscription.save(update_fields=["period_starts_at", "period_ends_at"])
        _roll_over(subscription, ended_source_id)
        grant_period_tokens(subscription)
    logger.info("subscription_renewed", company_id=subscription.company_id, until=str(subscription.period_ends_at))
    return True


def _roll_over(subscription: Subscription, ended_source_id: str) -> None:
    """End the tokens of the ended period, those rolled over into it included, and carry over what the plan lets."""
    ended = Allocation.objects.filter(
        company_id=subscription.company_id, source__in=(Source.PLAN, Source.ROLLOVER), source_id=ended_source_id
    )
    roll_over(
        company_id=subscription.company_id,
        allocation_ids=list(ended.values_list("pk", flat=True)),
        max_tokens=subscription.plan.max_rollover_tokens,
        source_id=period_source_id(subscription),
        expires_at=subscription.period_ends_at,
        priority=ROLLOVER_PRIORITY,
    )
