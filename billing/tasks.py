"""Terms on a schedule."""

from celery import shared_task

from billing.services import renewals


@shared_task
def renew_subscriptions() -> None:
    """Begin the next period of subscriptions whose period has ended."""
    renewals.renew_due_subscriptions()
