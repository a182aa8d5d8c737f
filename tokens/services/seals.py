"""Seal the ledger: day by day, in commit order, each seal over the one before (law 8)."""

from dataclasses import dataclass

import structlog
from django.db import DatabaseError, connection

from tokens.models import Seal
from tokens.selectors.seals import list_companies_with_unsealed_entries
from tokens.services.statement import list_ids

logger = structlog.get_logger(__name__)

# A seal's text is built in the database's memory, about 300 bytes an entry.
MAX_ENTRIES = 50_000
_SEAL_NEXT = "SELECT number FROM tokens_seal_next(%(company_id)s, %(include_today)s, %(max_entries)s)"


@dataclass(frozen=True)
class SealRun:
    """What a run over several companies sealed, and the companies where it failed."""

    seals: list[Seal]
    failed_company_ids: list[int]


def seal_company(company_id: int, *, include_today: bool = False, max_entries: int = MAX_ENTRIES) -> list[Seal]:
    """Seal what a company's days that are over hold, and today's entries so far if asked; returns the new seals.

    Each seal is committed by itself. Safe to run at once from anywhere: a second run waits, then finds less to do.
    """
    parameters = {"company_id": company_id, "include_today": include_today, "max_entries": max_entries}
    numbers = []
    while number := list_ids(_SEAL_NEXT, parameters):
        numbers += number
    return list(Seal.objects.filter(company_id=company_id, number__in=numbers).order_by("number"))


def seal_ledger(*, company_id: int | None = None, include_today: bool = False) -> SealRun:
    """Seal every company that has something to seal, or one; a failure is logged and does not hold up the others."""
    run = SealRun([], [])
    for waiting_id in list_companies_with_unsealed_entries(company_id=company_id):
        try:
            run.seals.extend(seal_company(waiting_id, include_today=include_today))
        except DatabaseError:
            logger.exception("sealing_failed", company_id=waiting_id)
            connection.close_if_unusable_or_obsolete()
            run.failed_company_ids.append(waiting_id)
    return run
