"""Processes whose clock is wrong: every way in which Python tells the time is moved, before any of it is used."""

import datetime as datetime_module
import sys
import time
from datetime import date, datetime, timedelta, tzinfo

from django.db import connection
from django.utils import timezone

from ai_gateway.calls import Call, call_ai
from ai_gateway.operations import lease_seconds
from tenants.models import Company
from tests.tokens.ledger import hold, used
from tests.tokens.proof.processes import Settings, enter
from tokens import periods
from tokens.models import BudgetPeriod, BudgetScope, Source, UsageLog
from tokens.services import upkeep
from tokens.services.budgets import create_budget
from tokens.services.corrections import Cause, refund_charge, revoke_tokens
from tokens.services.grants import grant_tokens, roll_over
from tokens.services.holds import Attribution, HoldRequest, extend_hold, place_hold, settle_hold, start_attempt


def skew_clock(by: timedelta) -> None:
    """Move this process's clock."""
    true_time, true_time_ns = time.time, time.time_ns
    seconds = by.total_seconds()
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + int(seconds * 1e9)

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + by

        @classmethod
        def utcnow(cls) -> datetime:
            return datetime.now(datetime_module.UTC).replace(tzinfo=None) + by

        @classmethod
        def today(cls) -> datetime:
            return datetime.now() + by  # noqa: DTZ005 - as the original

    true_datetime = datetime
    for module in list(sys.modules.values()):
        if getattr(module, "datetime", None) is true_datetime and module.__name__ != __name__:
            module.datetime = Skewed  # type: ignore[attr-defined]


def do_everything(given: Settings, call: Call, by: timedelta) -> timedelta:
    """Move tokens in every way with a clock that is wrong ``by`` so much; returns how wrong Django finds it."""
    enter(given)
    skew_clock(by)
    company_id, lease = call.company_id, lease_seconds(call.operation)
    assert company_id is not None
    call_ai(call)
    create_budget(company_id=company_id, scope=BudgetScope.COMPANY, period=BudgetPeriod.DAY, limit_tokens=1_000_000)
    allocation = grant_tokens(company_id=company_id, source=Source.PROMOTION, source_id="p", amount_tokens=100)
    request = HoldRequest(
        company_id=company_id,
        operation="scoring",
        needed_tokens=50,
        minimum_tokens=50,
        lease_seconds=lease,
        provider="sandbox",
        model="sandbox-rules-1",
        attribution=Attribution(),
    )
    placed, left_open = place_hold(request), place_hold(request)
    number = start_attempt(
        hold_id=placed.hold_id, provider="sandbox", model="m", estimated_cost_usd=None, lease_seconds=lease
    )
    extend_hold(hold_id=left_open.hold_id, more_tokens=5, lease_seconds=lease)
    settle_hold(hold_id=placed.hold_id, usages=[used(40, number=number)], answer={"text": "hi"})
    charge = UsageLog.objects.get(hold_id=placed.hold_id)
    refund_charge(usage_log_id=charge.pk, amount_tokens=10, cause=Cause(key="r", reason_code="proof"))
    revoke_tokens(allocation_id=allocation.allocation_id, amount_tokens=10, cause=Cause(key="v", reason_code="proof"))
    roll_over(
        company_id=company_id,
        allocation_ids=[allocation.allocation_id],
        max_tokens=50,
        source_id="next",
        expires_at=None,
    )
    upkeep.expire_holds()
    upkeep.expire_allocations()
    upkeep.mark_unknown_attempts()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (true_moment,) = cursor.fetchone()
    wrong = timezone.now() - true_moment
    connection.close()
    return wrong


def grant_from_own_clock(given: Settings, company_id: int, by: timedelta) -> None:
    """Grant tokens from now on, where now is what this process takes for it."""
    enter(given)
    skew_clock(by)
    grant_tokens(
        company_id=company_id,
        source=Source.PROMOTION,
        source_id="own clock",
        amount_tokens=100,
        effective_at=timezone.now(),
    )
    connection.close()


def hold_on_own_day(given: Settings, company_id: int, by: timedelta) -> date:
    """Place a hold; returns the day that this process takes for the company's."""
    enter(given)
    skew_clock(by)
    company = Company.objects.get(pk=company_id)
    hold(company, 10)
    day = periods.today(company)
    connection.close()
    return day
