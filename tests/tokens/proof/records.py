"""What the model keeps: what happened to one company's tokens, and what follows from it."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

START = datetime(2031, 1, 31, 12, tzinfo=ZoneInfo("UTC"))  # a Friday; one step further begins a month
LATEST = datetime(9999, 1, 1, tzinfo=ZoneInfo("UTC"))


@dataclass(eq=False)
class Allocation:
    place: int
    source: str
    priority: int
    effective_at: datetime
    expires_at: datetime | None

    @property
    def burn_order(self) -> tuple[int, datetime, int]:
        return self.priority, self.expires_at or LATEST, self.place

    def is_past(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def is_usable(self, now: datetime) -> bool:
        return self.effective_at <= now and not self.is_past(now)


@dataclass(eq=False)
class Attempt:
    state: str = "open"
    log: "Log | None" = None


@dataclass(eq=False)
class Hold:
    place: int
    made_for: dict[str, str]
    day: date
    key: str | None
    lease_ends: datetime
    parts: dict[Allocation, int]
    held: int
    own: bool = False
    state: str = "open"
    charged: int | None = None
    ended_at: datetime | None = None
    attempts: list[Attempt] = field(default_factory=lambda: [Attempt()])


@dataclass(eq=False)
class Log:
    hold: Hold
    number: int
    kind: str
    status: str
    day: date
    charged: int = 0
    debt: int = 0
    absorbed: int = 0
    own: int = 0
    corrects: "Log | None" = None


@dataclass(eq=False)
class Entry:
    kind: str
    delta: int
    day: date
    allocation: Allocation | None = None
    log: Log | None = None


@dataclass(eq=False)
class Budget:
    scope: str
    scope_id: str
    period: str
    limit: int
    stops: bool
    is_active: bool = True

    def counts(self, made_for: dict[str, str]) -> bool:
        return self.scope == "company" or made_for.get(self.scope) == self.scope_id

    def starts(self, day: date) -> date:
        """The first day of the period that ``day`` lies in."""
        return {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "total": date.min,
        }[self.period]


class Happenings:
    """Entries, holds and usage logs of one company. Counters and balances are sums over them, never kept."""

    def __init__(self, zone: str) -> None:
        self.hours = START
        self.now = START
        self.zone = ZoneInfo(zone)
        self.absorbs = False
        self.has_account = False
        self.allocations: list[Allocation] = []
        self.holds: list[Hold] = []
        self.logs: list[Log] = []
        self.entries: list[Entry] = []
        self.budgets: list[Budget] = []
        self.keys: dict[tuple[str, str], tuple[object, object]] = {}
        self.granted: dict[str | None, int] = {}
        self.rolled_over: dict[str, int] = {}
        self.ended: set[Allocation] = set()

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def debt(self) -> int:
        return -sum(entry.delta for entry in self.entries if entry.kind == "debt")

    @property
    def available(self) -> int:
        return max(0, sum(tokens for _allocation, tokens in self.free_purses()) - self.debt)

    def entered(self, allocation: Allocation, *kinds: str) -> int:
        return sum(e.delta for e in self.entries if e.allocation is allocation and e.kind in kinds)

    def held(self, allocation: Allocation) -> int:
        return sum(hold.parts.get(allocation, 0) for hold in self.holds if hold.state == "open")

    def free(self, allocation: Allocation) -> int:
        return sum(e.delta for e in self.entries if e.allocation is allocation) - self.held(allocation)

    def free_purses(self) -> list[tuple[Allocation, int]]:
        usable = [allocation for allocation in self.allocations if allocation.is_usable(self.now)]
        return [(a, self.free(a)) for a in sorted(usable, key=lambda a: a.burn_order)]

    def budget_use(self, budget: Budget) -> dict[date, tuple[int, int]]:
        """Tokens (used, held) of every period in which there are any."""
        use: dict[date, tuple[int, int]] = {}
        moved = [(log.hold, log.day, log.charged + log.own, 0) for log in self.logs]
        moved += [(hold, hold.day, 0, hold.held) for hold in self.holds if hold.state == "open"]
        for hold, day, used, held in moved:
            if budget.counts(hold.made_for):
                so_far = use.get(budget.starts(day), (0, 0))
                use[budget.starts(day)] = (so_far[0] + used, so_far[1] + held)
        return use

    def left_in_budgets(self, made_for: dict[str, str], day: date) -> int:
        """What the tightest budget that stops has left."""
        stopping = [b for b in self.budgets if b.stops and b.is_active and b.counts(made_for)]
        return min([b.limit - sum(self.budget_use(b).get(b.starts(day), (0, 0))) for b in stopping], default=10**9)
