"""Read plans and subscriptions."""

from datetime import datetime

from django.db import connection

from billing.models import Plan, PriceVersion, Subscription
from billing.prices import ANY_MODEL
from tenants.models import Company
from tokens.directory import PlanSummary

STARTER_PLAN = "starter"  # what a new company begins with


def get_starter_plan() -> Plan:
    """Return the plan that new companies begin with.

    Raises:
        Plan.DoesNotExist: somebody deleted it; the migrations make it.
    """
    return Plan.objects.get(code=STARTER_PLAN)


def find_current_subscription(company_id: int) -> Subscription | None:
    """Find the subscription that a company is on, whatever its state."""
    return Subscription.objects.filter(company_id=company_id, is_current=True).select_related("plan", "company").first()


def list_priced_models() -> list[tuple[str, str]]:
    """List provider and name of each model that has a price of its own."""
    named = PriceVersion.objects.exclude(model=ANY_MODEL).values_list("provider", "model").distinct()
    return [(provider, model) for provider, model in named]


def summarise_plan(company: Company) -> PlanSummary | None:
    """Tell the plan that a company is on, for the ledger's pages; None without one."""
    subscription = find_current_subscription(company.pk)
    if subscription is None:
        return None
    is_over = subscription.period_ends_at <= get_database_time()
    return PlanSummary(
        subscription.plan.name, "expired" if is_over else subscription.status, subscription.period_ends_at
    )


def get_database_time() -> datetime:
    """Return the database's clock: the only one that periods are measured by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
