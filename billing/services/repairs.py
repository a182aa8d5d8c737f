"""Mend what the audit finds about terms: companies without a subscription or without tokens (requirement A7)."""

from collections.abc import Sequence

from billing.selectors import find_current_subscription
from billing.services.renewals import renew_subscription
from billing.services.subscriptions import grant_period_tokens, subscribe
from tenants.models import Company
from tokens.selectors.audit import Finding


def open_missing_terms(findings: Sequence[Finding], _actor_id: int | None) -> int:
    """Put companies without a subscription on Starter, and grant the tokens of the period; returns how many.

    A subscription whose period has ended is renewed, which grants.
    """
    companies = Company.objects.in_bulk({finding.company_id for finding in findings if finding.company_id})
    for company in companies.values():
        subscription = find_current_subscription(company.pk)
        if subscription is None:
            grant_period_tokens(subscribe(company))
        elif not renew_subscription(subscription_id=subscription.pk):
            grant_period_tokens(subscription)
    return len(companies)
