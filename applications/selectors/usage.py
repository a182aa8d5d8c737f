"""What AI work on applications was charged, read from the usage log."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from applications.models import Application
from tenants.models import Company
from tokens.models import UsageLog


@dataclass(frozen=True)
class StepUsage:
    """Sums over the provider calls of one step. ``cost_usd`` is None when the price of one of them is not known."""

    input_tokens: int
    output_tokens: int
    charged_tokens: int
    cost_usd: Decimal | None


def sum_by_step(application: Application) -> dict[UUID, StepUsage]:
    """Sum what each step used, all its attempts and corrections included; steps without a call are missing."""
    rows = _of(application.company_id).filter(application_id=application.pk)
    sums = rows.values("step_id").annotate(
        Sum("input_tokens"),
        Sum("output_tokens"),
        Sum("charged_tokens"),
        Sum("sale_value_usd"),
        unpriced=Count("id", filter=Q(price_kind="unpriced")),
    )
    return {
        row["step_id"]: StepUsage(
            row["input_tokens__sum"],
            row["output_tokens__sum"],
            row["charged_tokens__sum"],
            None if row["unpriced"] else row["sale_value_usd__sum"],
        )
        for row in sums
        if row["step_id"]
    }


def sum_charged_by_application(company: Company, ids: Collection[UUID]) -> dict[UUID, int]:
    """Sum the charged tokens of some applications; those without a call are missing."""
    rows = _of(company.pk).filter(application_id__in=ids).values_list("application_id")
    return dict(rows.annotate(Sum("charged_tokens")))


def sum_charged_by_job(company: Company, ids: Collection[UUID]) -> dict[UUID, int]:
    """Sum the charged tokens of some jobs; those without a call are missing."""
    rows = _of(company.pk).filter(job_id__in=ids).values_list("job_id")
    return dict(rows.annotate(Sum("charged_tokens")))


def _of(company_id: int) -> QuerySet[UsageLog]:
    return UsageLog.objects.filter(company_id=company_id).order_by()
