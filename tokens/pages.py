"""What the token management page shows: figures from the selectors, made ready for the template."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import number_format

from tenants.models import Company, User
from tokens import charts
from tokens.directory import Label, label_applications, label_jobs, summarise_plan, summarise_work
from tokens.models import UsageLog
from tokens.operations import OPERATION_LABELS, label_operation
from tokens.periods import last_days, month_so_far
from tokens.selectors import Balance, get_balance
from tokens.selectors.usage import (
    OperationTotals,
    list_recent_usage,
    sum_usage,
    sum_usage_by_day,
    sum_usage_by_operation,
)
from tokens.usage_filters import UsageFilters, describe_filters

ALL_USAGE = UsageFilters()
ROWS_PER_PAGE = 25
LOW_BALANCE_TOKENS = 1_000


@dataclass(frozen=True)
class AlertRow:
    """Something an admin should act on: the cause, what follows from it, and the one thing to do."""

    severity: str
    title: str
    consequence: str
    action_label: str = ""
    action_url: str = ""


@dataclass(frozen=True)
class UsageRow:
    """One provider call in the list of recent usage."""

    id: UUID
    short_id: str
    started_at: datetime
    operation_label: str
    application_label: str
    application_url: str | None
    job_label: str
    job_url: str | None
    started_by: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    charged_tokens: int
    cost_usd: Decimal | None
    status: str
    usage_source: str
    debt_tokens: int
    absorbed_tokens: int


def token_page(company: Company, *, before: UUID | None, filters: UsageFilters = ALL_USAGE) -> dict[str, Any]:
    """Gather the page's context; ``before`` pages back through recent usage, which alone ``filters`` narrow."""
    month = month_so_far(company)
    balance = get_balance(company.pk)
    totals = sum_usage(company.pk, month.first, month.last)
    earlier = month.same_days_before
    previous = sum_usage(company.pk, earlier.first, earlier.last).charged_tokens
    operations = sum_usage_by_operation(company.pk, month.first, month.last)
    recent, next_cursor = recent_usage(company, before=before, filters=filters)
    return {
        "company": company,
        "as_of": timezone.now(),
        "time_zone": company.time_zone,
        "balance": _balance(balance),
        "alerts": _alerts(balance),
        "month": {
            **asdict(totals),
            "label": month.label,
            "previous_same_days_tokens": previous,
            "change_percent": _change_percent(totals.charged_tokens, previous),
        },
        "plan": summarise_plan(company),
        "work": summarise_work(company),
        "breakdown": {
            "rows": [_breakdown_row(row, totals.charged_tokens) for row in operations],
            "total": {**asdict(totals), "average_tokens": totals.average_tokens, "share_percent": Decimal(100)},
        },
        "breakdown_chart": _breakdown_chart(operations, month.label),
        **_daily(company),
        "recent": recent,
        "next_cursor": next_cursor,
        "has_usage": bool(recent or filters.columns) or before is not None,
        "filters": describe_filters(company, filters),
    }


def recent_usage(
    company: Company, *, before: UUID | None, filters: UsageFilters = ALL_USAGE
) -> tuple[list[UsageRow], UUID | None]:
    """Return one page of recent usage and the cursor of the next, if there is one."""
    logs = list_recent_usage(company.pk, before=before, limit=ROWS_PER_PAGE + 1, **filters.columns)
    page = logs[:ROWS_PER_PAGE]
    next_cursor = page[-1].pk if len(logs) > ROWS_PER_PAGE else None
    applications = label_applications(company, {log.application_id for log in page if log.application_id})
    jobs = label_jobs(company, {log.job_id for log in page if log.job_id})
    people = User.objects.in_bulk({log.user_id for log in page if log.user_id})
    return [_usage_row(log, applications, jobs, people) for log in page], next_cursor


def _usage_row(
    log: UsageLog, applications: Mapping[UUID, Label], jobs: Mapping[UUID, Label], people: Mapping[int, User]
) -> UsageRow:
    application = applications.get(log.application_id) if log.application_id else None
    job = jobs.get(log.job_id) if log.job_id else None
    person = people.get(log.user_id) if log.user_id else None
    return UsageRow(
        id=log.pk,
        short_id=str(log.pk)[-8:],
        started_at=log.started_at,
        operation_label=label_operation(log.operation),
        application_label=application.text if application else "",
        application_url=application.url if application else None,
        job_label=job.text if job else "",
        job_url=job.url if job else None,
        started_by=str(person) if person else "Automatic",
        provider=log.provider,
        model=log.response_model or log.model,
        input_tokens=log.input_tokens,
        output_tokens=log.output_tokens,
        charged_tokens=log.charged_tokens,
        cost_usd=log.sale_value_usd,
        status=log.status,
        usage_source=log.usage_source,
        debt_tokens=log.debt_tokens,
        absorbed_tokens=log.absorbed_tokens,
    )


def _balance(balance: Balance) -> dict[str, Any]:
    return {name.removesuffix("_tokens"): value for name, value in asdict(balance).items()} | {
        "expiring_tokens": balance.expiring_tokens
    }


def _alerts(balance: Balance) -> list[AlertRow]:
    """Return what is wrong now, worst first (rules of requirement E6 that need no history)."""
    waits = "New CVs are kept and wait for tokens; they continue by themselves."
    if balance.debt_tokens:
        owed = f"{number_format(balance.debt_tokens)} tokens of debt"
        return [AlertRow("critical", owed, f"The next tokens pay it first. {waits}")]
    if balance.available_tokens == 0:
        held = f"{number_format(balance.held_tokens)} more are held by running calls. " if balance.held_tokens else ""
        return [AlertRow("critical", "No tokens available", held + waits)]
    if balance.available_tokens < LOW_BALANCE_TOKENS:
        left = f"Only {number_format(balance.available_tokens)} tokens left"
        return [AlertRow("warning", left, "New CVs may soon have to wait.")]
    return []


def _change_percent(now: int, before: int) -> Decimal | None:
    return Decimal(100 * (now - before)) / before if before else None


def _breakdown_row(row: OperationTotals, total_tokens: int) -> dict[str, Any]:
    share = Decimal(100 * row.charged_tokens) / total_tokens if total_tokens else Decimal(0)
    return {
        **asdict(row),
        "label": label_operation(row.operation),
        "share_percent": share,
        "average_tokens": row.average_tokens,
    }


def _breakdown_chart(operations: Sequence[OperationTotals], period: str) -> str:
    bars = [
        charts.Bar(label_operation(row.operation), row.charged_tokens, series=_series(row.operation))
        for row in operations
    ]
    top = f" Most went to “{label_operation(operations[0].operation)}”." if operations else ""
    return charts.bar_chart(
        bars,
        chart_id="by-operation",
        title=f"Tokens by operation, {period}",
        description=f"{number_format(sum(row.charged_tokens for row in operations))} tokens in all.{top}",
    )


def _daily(company: Company) -> dict[str, Any]:
    period = last_days(company, 30)
    days = sum_usage_by_day(company.pk, period.first, period.last)
    used = {operation for _, by_operation in days for operation in by_operation}
    others = sorted(used - OPERATION_LABELS.keys())
    series = OPERATION_LABELS | {operation: label_operation(operation) for operation in others}
    totals = [{"date": day, "tokens": sum(by_operation.values())} for day, by_operation in days]
    whole = number_format(sum(sum(by_operation.values()) for _, by_operation in days))
    return {
        "daily_rows": totals[::-1],
        "daily_chart": charts.stacked_day_chart(
            [charts.Day(day, by_operation) for day, by_operation in days],
            series,
            chart_id="by-day",
            title=f"Tokens by day, {period.label}",
            description=f"{whole} tokens in 30 days.",
        ),
    }


def _series(operation: str) -> int:
    """Give operations one order, and with it the same colour, in every chart."""
    known = list(OPERATION_LABELS)
    return known.index(operation) + 1 if operation in known else len(known)
