"""All companies as the platform staff see them: each column is read once for all rows of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

from billing.access import Terms, list_terms
from tenants.models import Company
from tokens.directory import WorkCounts, count_work
from tokens.selectors import Balance, list_balances


@dataclass(frozen=True)
class MonthOfUsage:
    """What a company used in its own current month.

    ``provider_cost_usd`` adds up the calls that have a price; None when there were calls and none has one.
    ``unpriced_calls`` says how many it leaves out.
    """

    used_tokens: int = 0
    provider_cost_usd: Decimal | None = Decimal(0)
    unpriced_calls: int = 0


@dataclass(frozen=True, kw_only=True)
class CompanyRow:
    """One company in the staff's list; ``subscription_status`` is ``active`` or the reason code of a refusal."""

    company: Company
    url: str
    plan: str
    subscription_status: str
    days_left: int
    available: int
    debt_tokens: int
    used_this_month: int
    provider_cost_usd: Decimal | None
    unpriced_calls: int
    work: WorkCounts


def list_companies() -> QuerySet[Company]:
    """List every company, inactive ones included, by name."""
    return Company.objects.order_by("name", "pk")


def describe_companies(companies: Sequence[Company]) -> list[CompanyRow]:
    """Describe companies in five queries, however many there are."""
    ids = [company.pk for company in companies]
    terms, balances, months, work = list_terms(ids), list_balances(ids), list_months_of_usage(ids), count_work(ids)
    return [
        _row(company, terms[company.pk], balances[company.pk], months[company.pk], work.get(company.pk, WorkCounts()))
        for company in companies
    ]


def _row(company: Company, terms: Terms, balance: Balance, month: MonthOfUsage, work: WorkCounts) -> CompanyRow:
    return CompanyRow(
        company=company,
        url=reverse("admin:tenants_company_change", args=[company.pk]),
        plan=terms.plan_name,
        subscription_status=terms.refusal.reason if terms.refusal else "active",
        days_left=terms.days_remaining,
        available=balance.available_tokens,
        debt_tokens=balance.debt_tokens,
        used_this_month=month.used_tokens,
        provider_cost_usd=month.provider_cost_usd,
        unpriced_calls=month.unpriced_calls,
        work=work,
    )


# No month is older than 31 days, and a log is written on its day or later: partitions before that are not read.
_MONTHS_OF_USAGE = """
    SELECT log.company_id, sum(log.charged_tokens)::bigint, sum(log.provider_cost_usd),
           count(*) FILTER (WHERE log.kind = 'call' AND log.provider_cost_usd IS NULL)
    FROM tokens_usage_log log JOIN tenants_company company ON company.id = log.company_id
    WHERE log.company_id = ANY(%(company_ids)s)
      AND log.id >= tokens_uuid_floor(clock_timestamp() - interval '32 days')
      AND log.company_day >= date_trunc('month', clock_timestamp() AT TIME ZONE company.time_zone)::date
    GROUP BY log.company_id
"""


def list_months_of_usage(company_ids: Sequence[int]) -> dict[int, MonthOfUsage]:
    """Add up what companies used in the current month of their own zone, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS_OF_USAGE, {"company_ids": list(company_ids)})
        found = {row[0]: MonthOfUsage(*row[1:]) for row in cursor.fetchall()}
    return {company_id: found.get(company_id, MonthOfUsage()) for company_id in company_ids}
