"""Read the usage log for pages: totals, breakdowns, days and pages of rows, all of one company.

Days and months are the company's own: every row carries the day of its hold in the company's zone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from tokens.models import UsageLog


@dataclass(frozen=True)
class Totals:
    """Sums over usage logs. Rows that are not priced are counted apart and not in ``cost_usd``.

    ``cost_usd`` is what the company is shown as cost: provider cost and margin. None when no row has a price.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    charged_tokens: int
    cost_usd: Decimal | None
    unpriced_calls: int

    @property
    def average_tokens(self) -> int:
        """Charged tokens per call."""
        return round(self.charged_tokens / self.calls) if self.calls else 0


@dataclass(frozen=True)
class OperationTotals(Totals):
    """Sums of one operation."""

    operation: str


_SUMS = {
    "calls": Count("id", filter=Q(kind="call")),
    "input_tokens": Coalesce(Sum("input_tokens"), 0),
    "output_tokens": Coalesce(Sum("output_tokens"), 0),
    "charged_tokens": Coalesce(Sum("charged_tokens"), 0),
    "cost_usd": Sum("sale_value_usd"),
    "unpriced_calls": Count("id", filter=Q(price_kind="unpriced")),
}


def _between(company_id: int, first: date, last: date) -> QuerySet[UsageLog]:
    return UsageLog.objects.filter(company_id=company_id, company_day__gte=first, company_day__lte=last)


def sum_usage(company_id: int, first: date, last: date) -> Totals:
    """Sum the usage of the company's days from ``first`` to ``last``, both included."""
    return Totals(**_between(company_id, first, last).aggregate(**_SUMS))


def sum_usage_by_operation(company_id: int, first: date, last: date) -> list[OperationTotals]:
    """Sum the same days operation by operation, largest charge first."""
    rows = _between(company_id, first, last).values("operation").annotate(**_SUMS)
    found: Iterable[Any] = rows.order_by("-charged_tokens", "operation")
    return [OperationTotals(**row) for row in found]


def sum_usage_by_day(company_id: int, first: date, last: date) -> list[tuple[date, dict[str, int]]]:
    """Return every day from ``first`` to ``last`` with its charged tokens by operation; idle days have none."""
    rows = _between(company_id, first, last).values_list("company_day", "operation").annotate(Sum("charged_tokens"))
    days: dict[date, dict[str, int]] = {first + timedelta(days=offset): {} for offset in range((last - first).days + 1)}
    for day, operation, tokens in rows:
        days[day][operation] = tokens
    return list(days.items())


def list_recent_usage(company_id: int, *, before: UUID | None, limit: int, **columns: UUID) -> Sequence[UsageLog]:
    """List the newest usage logs, or those older than ``before``: keyset pages, whose cost does not grow.

    ``columns``: only those that have these ids in these columns.
    """
    rows = UsageLog.objects.filter(company_id=company_id, **columns)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])
