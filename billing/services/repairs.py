"""Mend what the audit finds about terms: companies without a subscription or without tokens (requirement A7)."""

from collections.abc import Sequence

from billing.selectors import find_current_subscription
from billing.services.subscriptions import grant_period_tokens, subscribe
from tenants.models import Company
from tokens.selectors.audit import Finding


def open_missing_terms(findings: Sequence[Finding], _actor_id: int | None) -> int:
    """Put companies without a subscription on Starter, and grant the tokens of the period; returns how many."""
    companies = Company.objects.in_bulk({finding.company_id for finding in findings if finding.company_id})
    for company in companies.values():
        grant_period_tokens(find_current_subscription(company.pk) or subscribe(company))
    return len(companies)
