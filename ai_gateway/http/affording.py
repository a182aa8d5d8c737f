"""Whether a call can be paid for at all, before images are fetched for it.

The hold cannot come first: what it takes follows from the images' size, and if it took the most that they can be, a
company would be refused that can pay. So what is known is compared with what there is, and the hold decides later.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ai_gateway.effects import Candidate, PlannedCall
from ai_gateway.http.gateway import Gateway
from ai_gateway.reserving import refuse
from ai_gateway.telemetry import WatchedCall
from tokens.errors import BudgetExceeded, InsufficientTokens
from tokens.selectors import Balance, get_balance
from tokens.selectors.budgets import TightestBudget, find_tightest_budget


async def require_room(gateway: Gateway, call: PlannedCall) -> None:
    """Refuse a call that no hold can carry, as the hold would; nothing is reserved. Raises ``AccessRefused``."""
    room = await gateway.reads.run(lambda: _find_room(call))
    lack = room.find_lack(call.candidates)
    if lack is not None:
        with WatchedCall(call):
            raise refuse(lack) from lack


@dataclass(frozen=True)
class Room:
    """What a hold could take. ``balance`` None: the call takes no tokens; ``budget`` None: none can stop it."""

    balance: Balance | None
    budget: TightestBudget | None

    def find_lack(self, candidates: Iterable[Candidate]) -> InsufficientTokens | BudgetExceeded | None:
        """Say what the first of the models lacks, if none can be paid for: which one is asked, the life decides."""
        lacks = []
        for candidate in candidates:
            plan = candidate.plan
            if self._lacks(plan.minimum_tokens) is None:
                return None
            lack = self._lacks(plan.counted().minimum_tokens)  # only where it is tight: this tokenizes
            if lack is None:
                return None
            lacks.append(lack)
        return lacks[0]

    def _lacks(self, minimum_tokens: int) -> InsufficientTokens | BudgetExceeded | None:
        balance = self.balance
        if balance is not None and balance.available_tokens < minimum_tokens:
            return InsufficientTokens(balance.available_tokens, minimum_tokens, balance.debt_tokens)
        if self.budget is not None and self.budget.left_tokens < minimum_tokens:
            return BudgetExceeded(self.budget.id, self.budget.left_tokens, minimum_tokens)
        return None


def _find_room(call: PlannedCall) -> Room:
    is_own = call.key_owner == "company"
    budget = find_tightest_budget(
        call.company_id,
        operation=call.operation,
        job_id=call.attribution.job_id,
        user_id=call.attribution.user_id,
        api_key_id=call.attribution.api_key_id,
    )
    return Room(None if is_own else get_balance(call.company_id), budget)
