"""Upkeep of the ledger on a schedule."""

from celery import shared_task

from tokens.services import repairs, seals, spool, upkeep


@shared_task
def expire_holds() -> None:
    """Give back holds past their lease, and close attempts that stayed unknown."""
    upkeep.expire_holds()
    upkeep.mark_unknown_attempts()


@shared_task
def expire_allocations() -> None:
    """Write off what allocations past their expiry still hold free."""
    upkeep.expire_allocations()


@shared_task
def erase_answers() -> None:
    """Erase stored answers whose retention is over."""
    upkeep.erase_answers()


@shared_task
def make_partitions() -> None:
    """Have the usage log's next months ready."""
    upkeep.make_partitions()


@shared_task
def drain_spool() -> None:
    """Apply settlements that waited for the database."""
    spool.drain()


@shared_task
def audit_ledger() -> None:
    """Check the laws and keep the outcome for the staff page."""
    repairs.record_audit()


@shared_task
def seal_ledger() -> None:
    """Seal the days that are over, each company's by its own clock."""
    seals.seal_ledger()
