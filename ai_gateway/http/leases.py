"""Keep a hold alive while its call takes longer than the lease."""

import asyncio
from contextlib import suppress
from uuid import UUID

from tokens.errors import HoldEnded, LedgerAway
from tokens.services.async_ledger import AsyncLedger


class LeaseKeeper:
    """Renews the lease of one hold, each time half of it is over, from ``begin`` to ``end``.

    Should the database be away or the hold have ended, nothing is lost: a settlement that comes late still counts.
    """

    def __init__(self, ledger: AsyncLedger, lease_seconds: int) -> None:
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None

    def begin(self, hold_id: UUID) -> None:
        """Renew from now on; the lease has just begun."""
        self.end()
        self._timer = asyncio.get_running_loop().call_later(self._lease_seconds / 2, self._renew, hold_id)

    def end(self) -> None:
        """Renew no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _renew(self, hold_id: UUID) -> None:
        self.begin(hold_id)
        self._renewing = asyncio.ensure_future(self._extend(hold_id))

    async def _extend(self, hold_id: UUID) -> None:
        with suppress(HoldEnded, LedgerAway):
            await self._ledger.extend_hold(hold_id=hold_id, lease_seconds=self._lease_seconds)
