"""Histories of two companies' tokens, made up step by step."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, precondition, rule

from tests.tokens.proof.model import Company, Outcome

ZONES = ("Pacific/Kiritimati", "America/Los_Angeles")  # never on the same day at the model's noon

Thing = tuple[int, int]  # a company and the place of something of its
Things = MultipleResults[Any]

companies = st.sampled_from(range(len(ZONES)))
amounts = st.integers(1, 120)
leases = st.sampled_from([0.5, 1.5, 30.5, 30.5])
lives = st.sampled_from([(0, None), (0, 1.5), (0, 1.5), (0, 36.5), (5.5, 36.5)])
purposes = st.sampled_from(
    [
        {"operation": "cv_parse"},
        {"operation": "cv_parse", "job": "j1"},
        {"operation": "scoring", "job": "j1", "user": "7"},
        {"operation": "api", "key": "k1", "user": "7"},
    ]
)
scopes = st.sampled_from([("company", ""), ("job", "j1"), ("user", "7"), ("operation", "cv_parse"), ("key", "k1")])
nearly = st.sampled_from([0, 1])
own_keys = st.sampled_from(
    [False, False, False, False, False, True]
)  # whether the provider is called with the company's own key
charges = st.lists(st.one_of(st.none(), st.just(0), amounts), max_size=3)
Step = tuple[int | None, str, dict[str, Any]]  # the company, or None for all; the verb; its details


class Histories(RuleBasedStateMachine):
    """The rules by which histories are made, played on the model alone; ``steps`` can be played again elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.models = [Company(zone) for zone in ZONES]
        self.steps: list[Step] = []
        self.has_sweeper = False

    allocations = Bundle("allocations")
    holds = Bundle("holds")
    charged = Bundle("charged")
    budgets = Bundle("budgets")

    @initialize(target=allocations, has_sweeper=st.booleans(), rich=st.booleans())
    def begin(self, has_sweeper: bool, rich: bool) -> Things:
        """Begin with one company that has tokens, and another that may have nothing, not even an account."""
        self.has_sweeper = has_sweeper
        beginners = range(2 if rich else 1)
        for company in beginners:
            self.ask(company, "grant", tokens=500, priority=100, effective=0, expires=None, source_id=None)
        return multiple(*((company, 0) for company in beginners))

    @rule(
        target=allocations,
        company=companies,
        tokens=st.integers(1, 200),
        priority=st.sampled_from([50, 100]),
        life=lives,
        source_id=st.one_of(st.none(), st.sampled_from(["s1", "s2"])),
    )
    def grant(self, company: int, life: tuple[float, float | None], **details: Any) -> Things:
        outcome = self.ask(company, "grant", effective=life[0], expires=life[1], **details)
        return self.newest(company, "allocations") if outcome == ("granted",) else multiple()

    @rule(
        target=holds,
        company=companies,
        needed=st.integers(0, 100),
        minimum=st.integers(0, 40),
        lease=leases,
        made_for=purposes,
        retries=st.integers(0, 2),
        own=own_keys,
    )
    def place(self, company: int, needed: int, minimum: int, lease: float, retries: int, **details: Any) -> Things:
        outcome = self.ask(company, "place", needed=needed, minimum=min(needed, minimum), lease=lease, **details)
        if outcome[0] != "held":
            return multiple()
        for _retry in range(retries):
            self.ask(company, "attempt", hold=len(self.models[company].holds) - 1, lease=lease)
        return self.newest(company, "holds")

    @rule(target=holds, company=companies, beyond=nearly, lease=leases, made_for=purposes)
    def place_at_the_limit(self, company: int, beyond: int, made_for: dict[str, str], **details: Any) -> Things:
        """Ask for what there is, and for one token more."""
        model = self.models[company]
        needed = max(0, beyond + min(model.available, model.left_in_budgets(made_for, model.today)))
        outcome = self.ask(company, "place", needed=needed, minimum=needed, made_for=made_for, **details)
        return self.newest(company, "holds") if outcome[0] == "held" else multiple()

    @rule(
        target=holds,
        company=companies,
        needed=amounts,
        lease=leases,
        key=st.sampled_from(["k1", "k2"]),
        request=st.sampled_from(["a", "a", "b"]),
        own=own_keys,
    )
    def place_with_key(self, company: int, needed: int, **details: Any) -> Things:
        outcome = self.ask(company, "place", needed=needed, minimum=1, made_for={"operation": "cv_parse"}, **details)
        return self.newest(company, "holds") if outcome[0] == "held" else multiple()

    @rule(
        target=charged,
        company=companies,
        needed=amounts,
        share=st.sampled_from([0.5, 1, 1, 1.5]),
        lease=leases,
        made_for=purposes,
        own=own_keys,
    )
    def call(self, company: int, needed: int, share: float, **details: Any) -> Things:
        """Place a hold and settle it at once."""
        if self.ask(company, "place", needed=needed, minimum=1, **details)[0] != "held":
            return multiple()
        hold = company, len(self.models[company].holds) - 1
        self.ask(company, "settle", hold=hold[1], charges=[int(needed * share)])
        return self.charges_of(hold)

    @rule(company=companies, needed=amounts, beyond=amounts, lease=leases, made_for=purposes)
    def overdraw(self, company: int, needed: int, beyond: int, **details: Any) -> None:
        """Make two calls at once: the first uses more than the company has, and the second gives all back."""
        for _call in range(2):
            if self.ask(company, "place", needed=needed, minimum=1, **details)[0] != "held":
                return
        second = len(self.models[company].holds) - 1
        charge = needed + self.models[company].available + beyond
        self.ask(company, "settle", hold=second - 1, charges=[charge])
        self.ask(company, "settle", hold=second, charges=[0])

    @rule(hold=holds, lease=leases)
    def attempt(self, hold: Thing, lease: float) -> None:
        self.ask(hold[0], "attempt", hold=hold[1], lease=lease)

    @rule(hold=holds, more=st.integers(0, 100), lease=leases)
    def extend(self, hold: Thing, **details: Any) -> None:
        self.ask(hold[0], "extend", hold=hold[1], **details)

    @rule(hold=holds, beyond=nearly, lease=leases)
    def extend_to_the_limit(self, hold: Thing, beyond: int, **details: Any) -> None:
        model = self.models[hold[0]]
        extended = model.holds[hold[1]]
        left = min(model.available, model.left_in_budgets(extended.made_for, extended.day))
        self.ask(hold[0], "extend", hold=hold[1], more=max(0, left + beyond), **details)

    @rule(target=charged, hold=holds, charges=charges)
    def settle(self, hold: Thing, charges: list[int | None]) -> Things:
        self.ask(hold[0], "settle", hold=hold[1], charges=charges)
        return self.charges_of(hold)

    @rule(target=charged, hold=holds, beyond=st.sampled_from([-10, 0, 10, 100]))
    def settle_around_what_is_held(self, hold: Thing, beyond: int) -> Things:
        held = self.models[hold[0]].holds[hold[1]].held
        self.ask(hold[0], "settle", hold=hold[1], charges=[max(0, held + beyond)])
        return self.charges_of(hold)

    @rule(hold=holds, refused=st.booleans())
    def release(self, hold: Thing, refused: bool) -> None:
        self.ask(hold[0], "release", hold=hold[1], refused=refused)

    @rule(charge=charged, tokens=st.one_of(st.none(), amounts), key=st.sampled_from(["k1", "k2", "k3", "k4"]))
    def refund(self, charge: tuple[int, int, int], **details: Any) -> None:
        company, hold, number = charge
        self.ask(company, "refund", hold=hold, number=number, **details)

    @rule(allocation=allocations, tokens=st.integers(1, 40), key=st.sampled_from(["k1", "k2", "k3", "k4"]))
    def revoke(self, allocation: Thing, **details: Any) -> None:
        self.ask(allocation[0], "revoke", allocation=allocation[1], **details)

    @rule(
        target=allocations,
        first=allocations,
        second=allocations,
        maximum=st.sampled_from([0, 20, 500]),
        source_id=st.sampled_from(["r1", "r2", "r3"]),
        expires=st.sampled_from([None, 36.5]),
    )
    def roll_over(self, first: Thing, second: Thing, **details: Any) -> Things:
        company = first[0]
        ended = sorted({place for its_company, place in (first, second) if its_company == company})
        before = len(self.models[company].allocations)
        self.ask(company, "roll_over", allocations=ended, **details)
        return self.newest(company, "allocations") if len(self.models[company].allocations) > before else multiple()

    @rule(
        target=budgets,
        company=companies,
        scope=scopes,
        period=st.sampled_from(["day", "week", "month", "total"]),
        limit=st.integers(0, 250),
        stops=st.booleans(),
    )
    def limit(self, company: int, scope: tuple[str, str], **details: Any) -> Things:
        self.ask(company, "limit", scope=scope[0], scope_id=scope[1], **details)
        return self.newest(company, "budgets")

    @rule(budget=budgets, limit=st.integers(0, 250), is_active=st.booleans())
    def change_budget(self, budget: Thing, **details: Any) -> None:
        self.ask(budget[0], "change_budget", budget=budget[1], **details)

    @rule(charge=charged, absorbs=st.booleans())
    def set_policy(self, charge: tuple[int, int, int], absorbs: bool) -> None:
        self.ask(charge[0], "set_policy", absorbs=absorbs)

    @rule(hours=st.sampled_from([1, 2, 6, 24, 24 * 31]))
    def pass_time(self, hours: int) -> None:
        self.do("pass_time", hours=hours)
        if self.has_sweeper:
            self.do("sweep")

    @precondition(lambda self: not self.has_sweeper)
    @rule()
    def sweep(self) -> None:
        self.do("sweep")

    def ask(self, company: int, verb: str, **details: Any) -> Outcome:
        """Ask something of one company."""
        self.steps.append((company, verb, details))
        return self.models[company].request(verb, **details)

    def do(self, verb: str, **details: Any) -> None:
        """Do something that concerns all companies."""
        self.steps.append((None, verb, details))
        for model in self.models:
            model.request(verb, **details)

    def newest(self, company: int, things: str) -> Things:
        """Name the newest of a company's things."""
        return multiple((company, len(getattr(self.models[company], things)) - 1))

    def charges_of(self, hold: Thing) -> Things:
        """Name the charges made under a hold."""
        attempts = self.models[hold[0]].holds[hold[1]].attempts
        return multiple(*((*hold, number) for number, attempt in enumerate(attempts, start=1) if attempt.log))
