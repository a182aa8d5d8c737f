"""What a company has: the one place where a balance is computed (law 3, requirement C1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tenants.models import Company, User
from tenants.selectors import list_memberships


@dataclass(frozen=True)
class Balance:
    """Tokens of one company over its effective, unexpired allocations.

    ``available_tokens`` = max(0, free − debt): what new holds can take. ``expiring_tokens`` are free tokens of the
    allocation that expires next.
    """

    allocated_tokens: int = 0
    used_tokens: int = 0
    held_tokens: int = 0
    debt_tokens: int = 0
    available_tokens: int = 0
    expiring_tokens: int = 0
    expiring_at: datetime | None = None


_BALANCES = """
    WITH effective AS (
        SELECT a.*, a.allocated_tokens - a.used_tokens - a.held_tokens - a.expired_tokens - a.revoked_tokens AS free
        FROM tokens_allocation a
        WHERE a.company_id = ANY(%(company_ids)s)
          AND a.effective_at <= clock_timestamp() AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp())
    ), next_expiry AS (
        SELECT DISTINCT ON (company_id) company_id, expires_at, sum(free) AS free
        FROM effective WHERE expires_at IS NOT NULL AND free > 0
        GROUP BY company_id, expires_at ORDER BY company_id, expires_at
    )
    SELECT account.company_id,
           coalesce(sum(effective.allocated_tokens), 0)::bigint,
           coalesce(sum(effective.used_tokens), 0)::bigint,
           coalesce(sum(effective.held_tokens), 0)::bigint,
           account.debt_tokens,
           greatest(0, coalesce(sum(effective.free), 0) - account.debt_tokens)::bigint,
           coalesce(max(next_expiry.free), 0)::bigint,
           max(next_expiry.expires_at)
    FROM tokens_account account
    LEFT JOIN effective USING (company_id)
    LEFT JOIN next_expiry USING (company_id)
    WHERE account.company_id = ANY(%(company_ids)s)
    GROUP BY account.company_id
"""


def list_balances(company_ids: Iterable[int]) -> dict[int, Balance]:
    """Compute the balances of several companies in one query; a company without an account has none of anything."""
    ids = list(company_ids)
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"company_ids": ids})
        found = {row[0]: Balance(*row[1:]) for row in cursor.fetchall()}
    return {company_id: found.get(company_id, Balance()) for company_id in ids}


def get_balance(company_id: int) -> Balance:
    """Compute what ``company_id`` has now."""
    return list_balances([company_id])[company_id]


def find_only_company_id(user: User) -> int | None:
    """Find the company of somebody who belongs to exactly one; with several, none can be meant."""
    company_ids = [membership.company_id for membership in list_memberships(user)[:2]]
    return company_ids[0] if len(company_ids) == 1 else None


def get_accurate_tokens_remaining(owner: User | Company) -> tuple[int, int, int]:
    """Return (original, consumed, remaining) of a company, or of the only company of a user.

    Original and consumed count effective allocations; remaining is the available balance.

    Raises:
        ValueError: the user has no company or several.
    """
    company_id = owner.pk if isinstance(owner, Company) else find_only_company_id(owner)
    if company_id is None:
        raise ValueError("The person is a member of no company or of several: name the company.")
    balance = get_balance(company_id)
    return balance.allocated_tokens, balance.used_tokens, balance.available_tokens
