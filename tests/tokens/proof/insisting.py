"""Processes that make calls under keys and repeat whatever fails, as a worker does whose database comes and goes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from tests.tokens.ledger import used
from tests.tokens.proof.hammer import wait_at_gate
from tests.tokens.proof.processes import Settings, enter
from tokens.services.holds import Attribution, Closing, HoldRequest, PlacedHold, close_hold, place_hold
from tokens.services.spool import close_or_spool

T = TypeVar("T")

CHARGE = 7
_PAUSE_SECONDS = 0.01


@dataclass
class Account:
    """What a process was told, and how often it had to ask again."""

    settled: list[UUID] = field(default_factory=list)
    """Holds whose settlement the ledger has confirmed."""
    lost: list[UUID] = field(default_factory=list)
    """Holds that the ledger had confirmed, and does not know any more."""
    spooled: int = 0
    failures: int = 0


def insist(given: Settings, company_ids: Sequence[int], keys: Sequence[str]) -> Account:
    """Make one call under each key, turn by turn through the companies; every third leaves its settlement to the spool
    should the database be away."""
    enter(given)
    wait_at_gate()
    account = Account()
    for number, key in enumerate(keys):
        placed = _again_and_again(lambda key=key, number=number: _place(company_ids, number, key), account)
        if not placed.is_replay:
            _settle(placed, account, may_spool=number % 3 == 0)
    connection.close()
    return account


def _place(company_ids: Sequence[int], number: int, key: str) -> PlacedHold:
    return place_hold(
        HoldRequest(
            company_id=company_ids[number % len(company_ids)],
            operation="cv_parse",
            needed_tokens=CHARGE,
            minimum_tokens=CHARGE,
            # A repeat finds the lease over and need not wait: it takes the key over from a hold whose reply was lost.
            lease_seconds=0,
            provider="sandbox",
            model="sandbox-rules-1",
            attribution=Attribution(),
            key=key,
            request_hash=b"the same",
        )
    )


def _settle(placed: PlacedHold, account: Account, *, may_spool: bool) -> None:
    closing = Closing.settling(placed.hold_id, [used(CHARGE)], None)
    if may_spool:
        if close_or_spool(closing) is None:
            account.spooled += 1
            return
    else:
        try:
            _again_and_again(lambda: close_hold(closing), account)
        except ProgrammingError:
            account.lost.append(placed.hold_id)
            return
    account.settled.append(placed.hold_id)


def settle_insistently(given: Settings, hold_id: UUID) -> Account:
    """Settle a hold, again and again until it works."""
    enter(given)
    account = Account()
    _again_and_again(lambda: close_hold(Closing.settling(hold_id, [used(CHARGE)], None)), account)
    connection.close()
    return account


def _again_and_again(ask: Callable[[], T], account: Account) -> T:
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            account.failures += 1
            connection.close()
            time.sleep(_PAUSE_SECONDS)
