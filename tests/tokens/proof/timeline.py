"""What was to be had at each moment, told from the rows that were written: not from what the ledger answered.

Holds are placed and end under the lock on their company's account, at times taken under that lock. So these times are
in the order in which the ledger decided, and a decision saw exactly what was written at earlier ones.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from tokens.models import Allocation, Budget, Hold

Event = tuple[datetime, int]


class Timeline:
    """How many tokens were to be had, from moment to moment."""

    def __init__(self, at_first: int, events: Iterable[Event]) -> None:
        ordered = sorted(events)
        self.moments = [moment for moment, _tokens in ordered]
        self.levels = [at_first]
        for _moment, tokens in ordered:
            self.levels.append(self.levels[-1] + tokens)

    @property
    def lowest(self) -> int:
        return min(self.levels)

    @property
    def last(self) -> int:
        return self.levels[-1]

    def lowest_between(self, first: datetime, last: datetime) -> int:
        """Return the least that was to be had between two moments."""
        return min(self.levels[bisect_right(self.moments, first) : bisect_right(self.moments, last) + 1])


def balance_timeline(company_id: int) -> Timeline:
    """Return what a company's holds could take, where nothing but grants, holds, settlements and releases happened."""
    grants = Allocation.objects.filter(company_id=company_id).values_list("created_at", "allocated_tokens")
    return Timeline(0, [*grants, *_holds(company_id)])


def budget_timeline(budget_id: UUID) -> Timeline:
    """Return what a budget of the whole company had left."""
    budget = Budget.objects.get(pk=budget_id)
    operations = [budget.scope_id] if budget.scope == "operation" else None
    return Timeline(budget.limit_tokens, _holds(budget.company_id, operations))


def _holds(company_id: int, operations: list[str] | None = None) -> list[Event]:
    holds = Hold.objects.filter(company_id=company_id)
    if operations is not None:
        holds = holds.filter(operation__in=operations)
    events = []
    for hold in holds:
        events.append((hold.placed_at, -hold.held_tokens))
        if hold.ended_at is not None:
            events.append((hold.ended_at, hold.held_tokens - (hold.charged_tokens or 0)))
    return events
