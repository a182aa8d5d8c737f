"""The ledger in plain Python, to be compared with the one in PostgreSQL.

It keeps what happened (entries, holds, usage logs) and derives every counter from it at the moment that it is asked;
it pays by walking from purse to purse. So it shares neither the counters nor the set-based formulas of the database.
Things are named by their place: the third allocation of a company, its first hold. Time is a plain ``now``.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tests.tokens.proof.records import LATEST, Allocation, Attempt, Budget, Entry, Happenings, Hold, Log

Outcome = tuple[str | int, ...]

REFUND_LIFE = timedelta(days=30)
UNKNOWN_AFTER = timedelta(hours=1)


class Company(Happenings):
    """The tokens of one company. Each request returns what its caller is told."""

    def request(self, verb: str, **details: object) -> Outcome:
        """Make one request, a moment after the one before: no two happen at the same time."""
        self.now += timedelta(microseconds=1)
        outcome: Outcome = getattr(self, verb)(**details)
        return outcome

    # Requests

    def grant(
        self, *, tokens: int, priority: int, effective: float, expires: float | None, source_id: str | None
    ) -> Outcome:
        """``effective`` and ``expires`` are hours from the last full hour."""
        if source_id in self.granted:
            return ("granted before",) if self.granted[source_id] == tokens else ("key conflict",)
        if source_id is not None:
            self.granted[source_id] = tokens
        ends = None if expires is None else self.hours + timedelta(hours=expires)
        self._allocate("adjustment", tokens, priority, self.hours + timedelta(hours=effective), ends)
        return ("granted",)

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
        """``own``: the provider is called with the company's own key."""
        if key is not None and ("call", key) in self.keys:
            first_request, first_hold = self.keys["call", key]
            assert isinstance(first_hold, Hold)
            if first_request != request:
                return ("key conflict",)
            if first_hold.state == "settled":
                return ("replayed", first_hold.place)
            if first_hold.state == "open" and first_hold.lease_ends > self.now:
                return ("in flight", first_hold.place)
            if first_hold.state == "open":
                self._expire(first_hold)
        self._repay_debt()
        amount = needed if own else min(needed, self.available)
        if not self.has_account or (needed > 0 and not own and (amount < minimum or self.debt > 0)):
            return ("insufficient", self.available, self.debt)
        amount = min(amount, self.left_in_budgets(made_for, self.today))
        if needed > 0 and amount < max(0, minimum):
            return ("over budget", max(0, amount))
        amount = max(0, amount)
        parts = {} if own else dict(_walk(amount, self.free_purses()))
        hold = Hold(len(self.holds), made_for, self.today, key, self._hours_from_now(lease), parts, amount, own)
        self.holds.append(hold)
        if key is not None:
            self.keys["call", key] = (request, hold)
        return ("held", amount)

    def attempt(self, *, hold: int, lease: float) -> Outcome:
        chosen = self.holds[hold]
        if chosen.state != "open":
            return ("ended",)
        chosen.lease_ends = self._hours_from_now(lease)
        chosen.attempts.append(Attempt())
        return ("begun", len(chosen.attempts))

    def extend(self, *, hold: int, more: int, lease: float) -> Outcome:
        chosen = self.holds[hold]
        if chosen.state != "open":
            return ("ended",)
        chosen.lease_ends = self._hours_from_now(lease)
        if more == 0:
            return ("extended",)
        self._repay_debt()
        if not chosen.own and (self.debt > 0 or more > self.available):
            return ("not extended",)
        if more > self.left_in_budgets(chosen.made_for, chosen.day):
            return ("not extended",)
        for allocation, tokens in _walk(0 if chosen.own else more, self.free_purses()):
            chosen.parts[allocation] = chosen.parts.get(allocation, 0) + tokens
        chosen.held += more
        return ("extended",)

    def settle(self, *, hold: int, charges: list[int | None]) -> Outcome:
        """``charges`` has one number per attempt; None, or none at all: the attempt never reached its provider."""
        chosen = self.holds[hold]
        if chosen.state == "released":
            return ("ended", "released")
        if chosen.state == "settled":
            return ("settled", chosen.charged or 0, 0, 0)
        logs = self._close(chosen, "settled", charges, "succeeded")
        return ("settled", chosen.charged or 0, sum(log.debt for log in logs), sum(log.absorbed for log in logs))

    def release(self, *, hold: int, refused: bool) -> Outcome:
        """``refused``: the first attempt reached its provider, which refused it."""
        chosen = self.holds[hold]
        if chosen.state == "open":
            self._close(chosen, "released", [0] if refused else [], "refused")
        return ("released",) if chosen.state == "released" else ("ended", chosen.state)

    def refund(self, *, hold: int, number: int, tokens: int | None, key: str) -> Outcome:
        log = self.holds[hold].attempts[number - 1].log
        assert log is not None
        known = self.keys.get(("refund", key))
        if known is not None:
            first_request, first_tokens = known
            assert isinstance(first_tokens, int)
            return ("refunded", first_tokens) if first_request == (log, tokens) else ("key conflict",)
        before = [earlier for earlier in self.logs if earlier.corrects is log and earlier.kind == "refund"]
        refundable = log.charged - log.absorbed + sum(earlier.charged for earlier in before)
        amount = refundable if tokens is None else tokens
        if not 0 < amount <= refundable:
            return ("too much", refundable)
        debt = min(amount, self.debt, log.debt + sum(earlier.debt for earlier in before))
        row = Log(log.hold, log.number, "refund", log.status, self.today, -amount, -debt, corrects=log)
        self.logs.append(row)
        self._enter("debt", debt, log=row)
        self._give_back(log, before, amount - debt, row)
        self.keys["refund", key] = ((log, tokens), amount)
        self._repay_debt()
        return ("refunded", amount)

    def revoke(self, *, allocation: int, tokens: int, key: str) -> Outcome:
        chosen = self.allocations[allocation]
        request = (chosen, tokens)
        if ("revocation", key) in self.keys:
            return ("revoked", 0) if self.keys["revocation", key] == (request, None) else ("key conflict",)
        amount = min(tokens, self.free(chosen))
        self._enter("revocation", -amount, chosen)
        self.keys["revocation", key] = (request, None)
        return ("revoked", amount)

    def roll_over(self, *, allocations: list[int], maximum: int, source_id: str, expires: float | None) -> Outcome:
        if source_id in self.rolled_over:
            return ("rolled over", self.rolled_over[source_id])
        unused = 0
        for allocation in {self.allocations[place] for place in allocations}:
            if allocation not in self.ended:
                unused += self.free(allocation) - self.entered(allocation, "expiry")
            self._enter("expiry", -self.free(allocation), allocation)
            end = max(self.now, allocation.effective_at + timedelta(microseconds=1))
            allocation.expires_at = min(allocation.expires_at or LATEST, end)
            self.ended.add(allocation)
        rolled = min(unused, maximum)
        if rolled:
            self.rolled_over[source_id] = rolled
            ends = None if expires is None else self.hours + timedelta(hours=expires)
            self._allocate("rollover", rolled, 100, self.now, ends)
        return ("rolled over", rolled)

    def limit(self, *, scope: str, scope_id: str, period: str, limit: int, stops: bool) -> Outcome:
        self.has_account = True
        self.budgets.append(Budget(scope, scope_id, period, limit, stops))
        return ("limited",)

    def change_budget(self, *, budget: int, limit: int, is_active: bool) -> Outcome:
        self.budgets[budget].limit, self.budgets[budget].is_active = limit, is_active
        return ("changed",)

    def set_policy(self, *, absorbs: bool) -> Outcome:
        self.absorbs = absorbs
        return ("set",)

    def pass_time(self, *, hours: int) -> Outcome:
        self.hours += timedelta(hours=hours)
        self.now += timedelta(hours=hours)
        return ("passed",)

    def sweep(self) -> Outcome:
        """What time brings about: leases run out, attempts stay unknown, allocations expire."""
        due = [hold for hold in self.holds if hold.state == "open" and hold.lease_ends <= self.now]
        for hold in sorted(due, key=lambda hold: hold.lease_ends):
            self._expire(hold)
        unheard = [
            h for h in self.holds if h.state == "expired" and h.ended_at and h.ended_at + UNKNOWN_AFTER <= self.now
        ]
        for hold in unheard:
            self._give_up(hold)
        for allocation in self.allocations:
            if allocation.is_past(self.now):
                self._enter("expiry", -self.free(allocation), allocation)
        return ("swept",)

    # Steps that requests share

    def _hours_from_now(self, hours: float) -> datetime:
        return self.now + timedelta(hours=hours)

    def _enter(self, kind: str, delta: int, allocation: Allocation | None = None, *, log: Log | None = None) -> None:
        if delta:
            day = log.day if log else self.today
            self.entries.append(Entry(kind, delta, day, allocation, log))

    def _allocate(
        self, source: str, tokens: int, priority: int, starts: datetime, ends: datetime | None, log: Log | None = None
    ) -> None:
        allocation = Allocation(len(self.allocations), source, priority, starts, ends)
        self.allocations.append(allocation)
        self._enter("grant", tokens, allocation, log=log)
        self.has_account = True
        self._repay_debt()

    def _repay_debt(self) -> None:
        payments = list(_walk(self.debt, self.free_purses()))
        for allocation, tokens in payments:
            self._enter("debt_repayment", -tokens, allocation)
        self._enter("debt", sum(tokens for _allocation, tokens in payments))

    def _close(self, hold: Hold, state: str, charges: list[int | None], status: str) -> list[Log]:
        own = sorted(hold.parts.items(), key=lambda part: part[0].burn_order) if hold.state == "open" else []
        purses = [*own, *self.free_purses()]  # while the hold is open, its own tokens are not among the free ones
        hold.state, hold.ended_at = state, self.now
        is_second = state == "settled" and not self._bears_key(hold)
        absorbs = self.absorbs or is_second
        logs = []
        for number, (attempt, charge) in enumerate(zip(hold.attempts, charges, strict=False), start=1):
            if charge is not None:
                logs.append(self._charge(hold, attempt, number, charge, status, [] if is_second else purses, absorbs))
        hold.charged = sum(log.charged for log in logs)
        for attempt in hold.attempts:
            attempt.state = "not_sent" if attempt.state == "open" else attempt.state
        self._repay_debt()
        return logs

    def _charge(
        self,
        hold: Hold,
        attempt: Attempt,
        number: int,
        charge: int,
        status: str,
        purses: list[tuple[Allocation, int]],
        absorbs: bool,
    ) -> Log:
        log = Log(hold, number, "call", status, hold.day, 0 if hold.own else charge, own=charge if hold.own else 0)
        self.logs.append(log)
        if attempt.state == "unknown":
            self.logs.append(Log(hold, number, "reconciliation", "unknown", hold.day, corrects=attempt.log))
        attempt.state, attempt.log = status, log
        paid: dict[Allocation, int] = {}
        for allocation, tokens in _draw(log.charged, purses):
            paid[allocation] = paid.get(allocation, 0) + tokens
        for allocation, tokens in paid.items():
            self._enter("usage", -tokens, allocation, log=log)
        unpaid = log.charged - sum(paid.values())
        if absorbs:
            log.absorbed = unpaid
        else:
            log.debt = unpaid
            self._enter("debt", -unpaid, log=log)
        return log

    def _bears_key(self, hold: Hold) -> bool:
        """Let the first hold to settle under a key stand for it; returns whether this one does."""
        if hold.key is None:
            return True
        request, bearer = self.keys["call", hold.key]
        assert isinstance(bearer, Hold)
        if bearer is not hold and bearer.state == "settled":
            return False
        self.keys["call", hold.key] = (request, hold)
        return True

    def _expire(self, hold: Hold) -> None:
        hold.state, hold.ended_at = "expired", self.now
        self._repay_debt()

    def _give_up(self, hold: Hold) -> None:
        for number, attempt in enumerate(hold.attempts, start=1):
            if attempt.state == "open":
                attempt.state, attempt.log = "unknown", Log(hold, number, "call", "unknown", hold.day)
                self.logs.append(attempt.log)

    def _give_back(self, log: Log, before: list[Log], tokens: int, row: Log) -> None:
        """To the allocations that paid, last paid first; for those that have expired since, as a new one."""
        paid = {
            allocation: -sum(
                e.delta
                for e in self.entries
                if e.allocation is allocation and e.log in (log, *before) and e.kind in {"usage", "refund"}
            )
            for allocation in self.allocations
        }
        living = [a for a in self.allocations if not a.is_past(self.now)]
        last_first = sorted(living, key=lambda a: a.burn_order, reverse=True)
        for allocation, given in list(_walk(tokens, [(a, paid[a]) for a in last_first])):
            self._enter("refund", given, allocation, log=row)
            tokens -= given
        if tokens:
            self._allocate("refund", tokens, 100, self.now, self.now + REFUND_LIFE, row)


def _walk(tokens: int, purses: Iterable[tuple[Allocation, int]]) -> Iterator[tuple[Allocation, int]]:
    """Take ``tokens`` from purses in their order, as far as they go."""
    for allocation, there in purses:
        taken = min(tokens, there)
        if taken > 0:
            yield allocation, taken
            tokens -= taken


def _draw(tokens: int, purses: list[tuple[Allocation, int]]) -> Iterator[tuple[Allocation, int]]:
    """Take ``tokens`` from purses and leave the purses lighter by as much."""
    for place, (allocation, there) in enumerate(purses):
        taken = min(tokens, there)
        if taken > 0:
            purses[place] = (allocation, there - taken)
            yield allocation, taken
            tokens -= taken
