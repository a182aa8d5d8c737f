"""Whose calls are made at all: the subscription's word, before anything is planned."""

from ai_gateway.errors import AccessRefused
from billing.access import Terms, get_terms


def admit(company_id: int) -> Terms:
    """Return the company's terms; the balance is the hold's to decide. One query.

    Raises:
        AccessRefused: the company has no subscription that is in force.
    """
    terms = get_terms(company_id)
    if terms.refusal is not None:
        raise AccessRefused(terms.refusal.reason, terms.refusal.message)
    return terms
