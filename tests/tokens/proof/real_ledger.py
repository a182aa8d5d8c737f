"""The ledger in PostgreSQL, asked in the words of the model: things by their place, times in hours."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import connection

from tenants.models import Company
from tests.tokens.ledger import used
from tests.tokens.proof.model import Outcome
from tests.tokens.proof.records import START
from tests.tokens.together import move_together
from tokens.errors import (
    BudgetExceeded,
    CallInFlight,
    HoldEnded,
    InsufficientTokens,
    KeyInUse,
    RefundTooLarge,
)
from tokens.models import Account, Allocation, Attempt, Budget, BudgetAction, BudgetPeriod, BudgetScope, Hold, Source
from tokens.models import OverdraftPolicy as Policy
from tokens.services import upkeep
from tokens.services.budgets import change_budget, create_budget
from tokens.services.corrections import Cause, refund_charge, revoke_tokens
from tokens.services.grants import grant_tokens, roll_over
from tokens.services.holds import (
    Attribution,
    Closing,
    HoldRequest,
    PlacedHold,
    Settlement,
    close_hold,
    extend_hold,
    place_hold,
    start_attempt,
)
from tokens.services.movements import Movement, closing_hold, placing
from tokens.sql.calls import BUSY

Moved = TypeVar("Moved")

# The calendar of these tests begins at the model's START: the company's day is read off the moved clock.
_MOVED_CALENDAR = """
    CREATE OR REPLACE FUNCTION tokens_company_day(p_company_id bigint, p_moment timestamptz) RETURNS date
    LANGUAGE sql STABLE AS $$
        SELECT ((p_moment + current_setting('proof.moved_by')::interval) AT TIME ZONE c.time_zone)::date
        FROM tenants_company c WHERE c.id = p_company_id
    $$
"""
_MOVE_ROWS_BACK = """
    UPDATE tokens_allocation SET effective_at = effective_at - %(by)s, created_at = created_at - %(by)s,
        expires_at = expires_at - %(by)s;
    UPDATE tokens_hold SET placed_at = placed_at - %(by)s, ended_at = ended_at - %(by)s,
        lease_expires_at = lease_expires_at - %(by)s;
    UPDATE tokens_attempt SET started_at = started_at - %(by)s, ended_at = ended_at - %(by)s
"""


class Clock:
    """The time of these tests. It moves by moving every row into the past: the database's own clock is not touched."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            self.hours: datetime = cursor.fetchone()[0]  # as the database sees the last full hour of the tests
        self.moved_by = START - self.hours
        with connection.cursor() as cursor:
            cursor.execute(_MOVED_CALENDAR)
        self.set_calendar()

    def move(self, hours: int) -> None:
        """Let ``hours`` pass."""
        self.moved_by += timedelta(hours=hours)
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_ROWS_BACK, {"by": timedelta(hours=hours)})
        self.set_calendar()

    def after(self, hours: float) -> datetime:
        """Return the moment that lies ``hours`` after the last full hour."""
        return self.hours + timedelta(hours=hours)

    def set_calendar(self) -> None:
        """Tell the connection what day it is."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('proof.moved_by', %s, false)", [f"{self.moved_by.total_seconds()} seconds"]
            )


class RealCompany:
    """The tokens of one company. Each method is one request; it returns what the caller is told, as the model does."""

    def __init__(self, company: Company, clock: Clock) -> None:
        self.company_id = company.pk
        self.clock = clock

    def place_hold(self, request: HoldRequest) -> PlacedHold:
        return place_hold(request)

    def close_hold(self, closing: Closing) -> Settlement:
        return close_hold(closing)

    def request(self, verb: str, **details: Any) -> Outcome:
        """Make one request."""
        ask: Callable[..., Outcome] = getattr(self, verb)
        return ask(**details)

    def grant(
        self, *, tokens: int, priority: int, effective: float, expires: float | None, source_id: str | None
    ) -> Outcome:
        try:
            result = grant_tokens(
                company_id=self.company_id,
                source=Source.ADJUSTMENT,
                source_id=source_id,
                amount_tokens=tokens,
                priority=priority,
                effective_at=self.clock.after(effective),
                expires_at=None if expires is None else self.clock.after(expires),
            )
        except KeyInUse:
            return ("key conflict",)
        return ("granted",) if result.created else ("granted before",)

    def place(
        self,
        *,
        needed: int,
        minimum: int,
        lease: float,
        made_for: dict[str, str],
        key: str | None = None,
        request: str = "",
        own: bool = False,
    ) -> Outcome:
        try:
            placed = self.place_hold(
                HoldRequest(
                    company_id=self.company_id,
                    operation=made_for["operation"],
                    needed_tokens=needed,
                    minimum_tokens=minimum,
                    lease_seconds=_seconds(lease),
                    provider="sandbox",
                    model="sandbox-rules-1",
                    attribution=_attribution(made_for),
                    key=key,
                    request_hash=hashlib.sha256(request.encode()).digest() if key else None,
                    key_owner="company" if own else "platform",
                )
            )
        except InsufficientTokens as refusal:
            return ("insufficient", refusal.available_tokens, refusal.debt_tokens)
        except BudgetExceeded as refusal:
            return ("over budget", refusal.left_tokens)
        except KeyInUse:
            return ("key conflict",)
        except CallInFlight as flight:
            return ("in flight", self._hold_ids().index(flight.hold_id))
        if placed.is_replay:
            return ("replayed", self._hold_ids().index(placed.hold_id))
        return ("held", placed.held_tokens)

    def attempt(self, *, hold: int, lease: float) -> Outcome:
        try:
            number = start_attempt(
                hold_id=self._hold_ids()[hold],
                provider="sandbox",
                model="sandbox-rules-2",
                estimated_cost_usd=None,
                lease_seconds=_seconds(lease),
            )
        except HoldEnded:
            return ("ended",)
        return ("begun", number)

    def extend(self, *, hold: int, more: int, lease: float) -> Outcome:
        try:
            extended = extend_hold(hold_id=self._hold_ids()[hold], more_tokens=more, lease_seconds=_seconds(lease))
        except HoldEnded:
            return ("ended",)
        return ("extended",) if extended else ("not extended",)

    def settle(self, *, hold: int, charges: list[int | None]) -> Outcome:
        hold_id = self._hold_ids()[hold]
        attempts = Attempt.objects.filter(hold_id=hold_id).count()
        usages = [used(c, number=n) for n, c in enumerate(charges[:attempts], start=1) if c is not None]
        try:
            settlement = self.close_hold(Closing.settling(hold_id, usages, {"text": "hi"}))
        except HoldEnded as ended:
            return ("ended", ended.state)
        return ("settled", settlement.charged_tokens, settlement.debt_tokens, settlement.absorbed_tokens)

    def release(self, *, hold: int, refused: bool) -> Outcome:
        usages = [used(0, status="refused", usage_source="none", error_code="429")] if refused else []
        try:
            self.close_hold(Closing.releasing(self._hold_ids()[hold], usages))
        except HoldEnded as ended:
            return ("ended", ended.state)
        return ("released",)

    def refund(self, *, hold: int, number: int, tokens: int | None, key: str) -> Outcome:
        attempt = Attempt.objects.get(hold_id=self._hold_ids()[hold], number=number)
        try:
            refund = refund_charge(usage_log_id=attempt.usage_log_id, amount_tokens=tokens, cause=_cause(key))
        except RefundTooLarge as refusal:
            return ("too much", refusal.refundable_tokens)
        except KeyInUse:
            return ("key conflict",)
        return ("refunded", refund.tokens)

    def revoke(self, *, allocation: int, tokens: int, key: str) -> Outcome:
        try:
            revoked = revoke_tokens(
                allocation_id=self._allocation_ids()[allocation], amount_tokens=tokens, cause=_cause(key)
            )
        except KeyInUse:
            return ("key conflict",)
        return ("revoked", revoked)

    def roll_over(self, *, allocations: list[int], maximum: int, source_id: str, expires: float | None) -> Outcome:
        ids = self._allocation_ids()
        rolled = roll_over(
            company_id=self.company_id,
            allocation_ids=[ids[place] for place in allocations],
            max_tokens=maximum,
            source_id=source_id,
            expires_at=None if expires is None else self.clock.after(expires),
        )
        return ("rolled over", rolled)

    def limit(self, *, scope: str, scope_id: str, period: str, limit: int, stops: bool) -> Outcome:
        create_budget(
            company_id=self.company_id,
            scope=BudgetScope(scope),
            scope_id=_id_of(scope, scope_id),
            period=BudgetPeriod(period),
            limit_tokens=limit,
            action=BudgetAction.STOP if stops else BudgetAction.WARN,
        )
        return ("limited",)

    def change_budget(self, *, budget: int, limit: int, is_active: bool) -> Outcome:
        chosen = Budget.objects.filter(company_id=self.company_id).order_by("created_at", "id")[budget]
        change_budget(budget=chosen, limit_tokens=limit, action=BudgetAction(chosen.action), is_active=is_active)
        return ("changed",)

    def set_policy(self, *, absorbs: bool) -> Outcome:
        policy = Policy.ABSORB if absorbs else Policy.DEBT
        Account.objects.filter(company_id=self.company_id).update(overdraft_policy=policy)
        return ("set",)

    def pass_time(self, *, hours: int) -> Outcome:
        """Move the time of all companies."""
        self.clock.move(hours)
        return ("passed",)

    def sweep(self) -> Outcome:
        """Sweep all companies."""
        upkeep.expire_holds()
        upkeep.mark_unknown_attempts()
        upkeep.expire_allocations()
        return ("swept",)

    def _hold_ids(self) -> list[UUID]:
        return list(
            Hold.objects.filter(company_id=self.company_id).order_by("placed_at", "id").values_list("pk", flat=True)
        )

    def _allocation_ids(self) -> list[UUID]:
        return list(
            Allocation.objects.filter(company_id=self.company_id)
            .order_by("created_at", "id")
            .values_list("pk", flat=True)
        )


class RealCompanyInGroups(RealCompany):
    """A company whose holds are placed and closed by the functions of groups, here of one."""

    def place_hold(self, request: HoldRequest) -> PlacedHold:
        return among_many(placing(request)) or super().place_hold(request)

    def close_hold(self, closing: Closing) -> Settlement:
        closing = closing._replace(answer=None)  # with an answer to store, it would not be a simple one
        return among_many(closing_hold(closing)) or super().close_hold(closing)


def among_many(movement: Movement[Moved]) -> Moved | None:
    """Make a movement as one of many, or return None when it was not its turn, as for who has no account."""
    [row] = move_together([movement])
    return None if row[0] == BUSY else movement.read(row)


def _seconds(hours: float) -> int:
    return round(hours * 3600)


def _cause(key: str) -> Cause:
    return Cause(key=key, reason_code="proof", actor_id=1)


def _attribution(made_for: dict[str, str]) -> Attribution:
    ids = {f"{scope}_id": _id_of(scope, made_for[scope]) for scope in ("job", "user", "key") if scope in made_for}
    return Attribution(
        job_id=UUID(ids["job_id"]) if "job_id" in ids else None,
        user_id=int(ids["user_id"]) if "user_id" in ids else None,
        api_key_id=UUID(ids["key_id"]) if "key_id" in ids else None,
    )


def _id_of(scope: str, name: str) -> str:
    """Turn a name of the model's into an id of the kind that the scope has."""
    return str(uuid5(NAMESPACE_URL, name)) if scope in {"job", "key"} else name
