"""Put companies on plans."""

from django.conf import settings
from django.db import transaction

from billing.errors import TooManyCompanies
from billing.models import Subscription
from billing.periods import month_from
from billing.selectors import get_database_time, get_starter_plan
from tenants.models import Company, User
from tenants.selectors import count_owned_companies
from tenants.services import create_company
from tokens.models import Source
from tokens.services.grants import GrantResult, grant_tokens


def open_company(*, name: str, time_zone: str, owner: User) -> Company:
    """Create a company on the Starter plan, with the tokens of its first month. All of it or nothing.

    Raises:
        TooManyCompanies: the owner has as many as one person may open (``MAX_OWNED_COMPANIES``; not for staff).
    """
    with transaction.atomic():
        _require_room_for_another(owner)
        company = create_company(name=name, time_zone=time_zone, owner=owner)
        grant_period_tokens(subscribe(company))
    return company


def grant_period_tokens(subscription: Subscription) -> GrantResult:
    """Grant what the plan gives for the subscription's period; asked again for the same period, nothing more."""
    return grant_tokens(
        company_id=subscription.company_id,
        source=Source.PLAN,
        source_id=period_source_id(subscription),
        amount_tokens=subscription.plan.tokens_per_period,
        expires_at=subscription.period_ends_at,
        reason_code=f"plan_{subscription.plan_id}",
    )


def period_source_id(subscription: Subscription) -> str:
    """Name the subscription's period, as the source of what is granted for it."""
    first_day = subscription.period_starts_at.astimezone(subscription.company.zone)
    return f"{subscription.pk}/{first_day:%Y-%m-%d}"


def subscribe(company: Company) -> Subscription:
    """Put a company on the Starter plan for a month from today, in its zone."""
    period = month_from(get_database_time().astimezone(company.zone).date(), company.zone)
    return Subscription.objects.create(
        company=company, plan=get_starter_plan(), period_starts_at=period.starts_at, period_ends_at=period.ends_at
    )


def _require_room_for_another(owner: User) -> None:
    """Count under a lock on the owner, so that two requests at once cannot both take the last place."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    limit = getattr(settings, "MAX_OWNED_COMPANIES", 3)
    owned = count_owned_companies(owner)
    if owned >= limit and not owner.is_staff:
        raise TooManyCompanies(owned, limit)
