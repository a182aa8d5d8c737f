"""Give companies tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tokens.errors import KeyInUse
from tokens.models import Source
from tokens.services.statement import run
from tokens.sql.calls import GRANT, ROLL_OVER


@dataclass(frozen=True)
class GrantResult:
    """The allocation, and whether this call made it or an earlier one with the same source did."""

    allocation_id: UUID
    created: bool


def grant_tokens(
    *,
    company_id: int,
    source: Source,
    source_id: str | None,
    amount_tokens: int,
    priority: int = 100,
    effective_at: datetime | None = None,
    expires_at: datetime | None = None,
    actor_id: int | None = None,
    reason_code: str = "",
) -> GrantResult:
    """Grant an allocation and repay debt from it. The same ``source`` and ``source_id`` grant once.

    ``effective_at`` None means now. Lower ``priority`` is spent first. May run inside a transaction: nothing is sent.

    Raises:
        ValueError: ``amount_tokens`` is not positive.
        KeyInUse: the source was granted before, with another amount.
    """
    if amount_tokens <= 0:
        raise ValueError(f"A grant needs a positive number of tokens, not {amount_tokens}.")
    parameters = {
        "company_id": company_id,
        "source": source.value,
        "source_id": source_id,
        "amount_tokens": amount_tokens,
        "priority": priority,
        "effective_at": effective_at,
        "expires_at": expires_at,
        "actor_id": actor_id,
        "reason_code": reason_code,
    }
    allocation_id, created, differs = run(GRANT, parameters)
    if differs:
        raise KeyInUse(f"{source}/{source_id}")
    return GrantResult(allocation_id, created)


def roll_over(
    *,
    company_id: int,
    allocation_ids: Sequence[UUID],
    max_tokens: int,
    source_id: str,
    expires_at: datetime | None,
    priority: int = 100,
) -> int:
    """End allocations at their renewal and grant what was free on them anew, together at most ``max_tokens``.

    Returns the tokens rolled over. The same ``source_id`` rolls over once. May run inside a transaction.
    """
    parameters = {
        "company_id": company_id,
        "allocation_ids": list(allocation_ids),
        "max_tokens": max_tokens,
        "source_id": source_id,
        "priority": priority,
        "expires_at": expires_at,
    }
    return int(run(ROLL_OVER, parameters)[0])
