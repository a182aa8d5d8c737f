"""What time does to the ledger: leases and allocations run out, attempts stay unknown, months begin.

Each is safe to run anywhere, any number of times and at once. Every statement here locks the account of one company
and no other row before it, as all that move tokens do: so none can wait for another in a circle.
"""

from tokens.models import Answer
from tokens.models.fields import ClockTimestamp
from tokens.services.statement import list_ids, run
from tokens.sql import calls


def expire_holds(*, batch: int = 500) -> int:
    """Give back holds past their lease, company by company; returns how many."""
    due = list_ids(calls.COMPANIES_WITH_DUE_HOLDS, {})
    return sum(run(calls.EXPIRE_HOLDS, {"company_id": company_id, "limit": batch})[0] for company_id in due)


def mark_unknown_attempts(*, grace_seconds: int = 3600, batch: int = 500) -> int:
    """Close attempts that nothing was heard of ``grace_seconds`` after their hold expired; returns how many.

    The grace leaves time for a settlement that is late, so that a call is not logged as unknown and as settled.
    """
    lost = list_ids(calls.HOLDS_WITH_LOST_ATTEMPTS, {"grace_seconds": grace_seconds, "limit": batch})
    return sum(run(calls.MARK_UNKNOWN, {"hold_id": hold_id})[0] for hold_id in lost)


def expire_allocations(*, batch: int = 500) -> int:
    """Write off the free tokens of allocations past their expiry; returns the tokens written off."""
    past = list_ids(calls.ALLOCATIONS_PAST_EXPIRY, {"limit": batch})
    return sum(run(calls.EXPIRE_ALLOCATION, {"allocation_id": allocation_id})[0] for allocation_id in past)


def erase_answers() -> int:
    """Erase stored answers whose retention is over; returns how many. Their keys stay, so nothing is charged again."""
    erased, _by_model = Answer.objects.filter(erase_after__lte=ClockTimestamp()).delete()
    return erased


def make_partitions(*, months_ahead: int = 12) -> int:
    """Make the usage log's partitions for the months to come; returns how many were missing."""
    return int(run(calls.MAKE_PARTITIONS, {"months_ahead": months_ahead})[0])
