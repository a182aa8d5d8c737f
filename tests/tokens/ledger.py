"""Short ways to say what a ledger test does."""

from typing import Any
from uuid import UUID

from django.db import connection

from tenants.models import Company
from tokens.models import Allocation, Source, UsageLog
from tokens.services.grants import grant_tokens
from tokens.services.holds import AttemptUsage, Attribution, HoldRequest, PlacedHold, place_hold, settle_hold


def new_company(*, tokens: int = 0, slug: str = "acme", time_zone: str = "UTC") -> Company:
    """Make a company, with one allocation when ``tokens`` is given."""
    company = Company.objects.create(name=slug.title(), slug=slug, time_zone=time_zone)
    if tokens:
        grant(company, tokens)
    return company


def grant(company: Company, tokens: int, **options: Any) -> Allocation:
    """Grant tokens by adjustment."""
    options = {"source": Source.ADJUSTMENT, "source_id": None, **options}
    return Allocation.objects.get(pk=grant_tokens(company_id=company.pk, amount_tokens=tokens, **options).allocation_id)


def hold(company: Company, needed: int, *, minimum: int | None = None, lease: int = 60, **options: Any) -> PlacedHold:
    """Place a hold for a parse of a CV."""
    return place_hold(
        HoldRequest(
            company_id=company.pk,
            needed_tokens=needed,
            minimum_tokens=needed if minimum is None else minimum,
            lease_seconds=lease,
            **{
                "provider": "sandbox",
                "model": "sandbox-rules-1",
                "operation": "cv_parse",
                "attribution": Attribution(),
                **options,
            },
        )
    )


def used(tokens: int, *, number: int = 1, **options: Any) -> AttemptUsage:
    """Say that an attempt used ``tokens``, all of them input."""
    return AttemptUsage(
        **{
            "attempt_number": number,
            "status": "succeeded",
            "usage_source": "provider",
            "input_tokens": tokens,
            "input_uncached_tokens": tokens,
            "charged_tokens": tokens,
            **options,
        }
    )


def charge(company: Company, tokens: int, held: int | None = None, **options: Any) -> UsageLog:
    """Charge ``tokens`` under a hold of as many, or of ``held``, and return the log of it."""
    placed = hold(company, tokens if held is None else held)
    settle_hold(hold_id=placed.hold_id, usages=[used(tokens, **options)], answer=None)
    return UsageLog.objects.filter(kind="call").latest("id")


def end_lease(hold_id: UUID) -> None:
    """Let the lease of a hold run out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tokens_hold SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE id = %s", [hold_id]
        )


def counters(allocation: Allocation) -> tuple[int, int, int, int]:
    """Read (used, held, expired, revoked) afresh."""
    allocation.refresh_from_db()
    return (
        allocation.used_tokens,
        allocation.held_tokens,
        allocation.expired_tokens,
        allocation.revoked_tokens,
    )
