"""The ledger for callers that must not block: the same movements as ``holds``, on connections of their own."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import structlog
from django.db import connections

from tokens.errors import LedgerAway
from tokens.services import spool
from tokens.services.async_connection import Undone
from tokens.services.async_connections import Connections, NoConnection
from tokens.services.movements import (
    Closing,
    HoldRequest,
    Movement,
    Outcome,
    PlacedHold,
    Settlement,
    closing_hold,
    extending,
    placing,
    starting_attempt,
)
from tokens.sql.calls import (
    BUSY,
    CLOSE_HOLD,
    CLOSE_HOLDS,
    EXTEND_HOLD,
    MAKE_DURABLE,
    PLACE_HOLD,
    PLACE_HOLDS,
    START_ATTEMPT,
)

logger = structlog.get_logger(__name__)

_BROKEN = (psycopg.OperationalError, psycopg.InterfaceError)
_STATEMENTS = (PLACE_HOLD, START_ATTEMPT, EXTEND_HOLD, CLOSE_HOLD, MAKE_DURABLE)
_STATEMENTS_OF_MANY = (PLACE_HOLDS, CLOSE_HOLDS)
_LARGEST_GROUP = 32
APPLICATION_NAME = "winnow ledger"


class AsyncLedger:
    """Moves tokens on connections of one event loop. Opened and closed by that loop.

    Holds that are placed and closed at the same time go in groups, with one transaction and one write of the disk for
    each. What would have to wait for other movements of its company goes by itself
    (docs/decisions/0008-movements-in-groups.md).

    A movement whose connection breaks is made again, once, on another. If the first had reached the database after
    all, a hold that nobody knows ends with its lease, an attempt without a request is closed as not sent, tokens
    reserved twice are given back with the hold, and a closing is a repeat, which changes nothing.
    """

    def __init__(self, *, connections_at_most: int) -> None:
        parameters = _connection_parameters()
        # One for groups: two could meet at a company, and one of them would have to let its movement go by itself.
        self._groups = Connections(parameters, _STATEMENTS_OF_MANY, at_most=1, together=_LARGEST_GROUP)
        self._connections = Connections(parameters, _STATEMENTS, at_most=max(1, connections_at_most - 1))

    async def open(self) -> None:
        """Begin to connect; does not wait for the database."""
        self._groups.open()
        self._connections.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._groups.close()
        await self._connections.close()

    async def place_hold(self, request: HoldRequest) -> PlacedHold:
        """Reserve tokens and write the first attempt; raises what ``holds.place_hold`` raises, or ``LedgerAway``."""
        return await self._make(placing(request))

    async def start_attempt(
        self,
        *,
        hold_id: UUID,
        provider: str,
        model: str,
        estimated_cost_usd: Decimal | None,
        estimated_price_kind: str = "listed",
        lease_seconds: int,
    ) -> int:
        """Write the next attempt; raises ``HoldEnded`` or ``LedgerAway``."""
        movement = starting_attempt(
            hold_id=hold_id,
            provider=provider,
            model=model,
            estimated_cost_usd=estimated_cost_usd,
            estimated_price_kind=estimated_price_kind,
            lease_seconds=lease_seconds,
        )
        return await self._make(movement)

    async def extend_hold(self, *, hold_id: UUID, more_tokens: int = 0, lease_seconds: int) -> bool:
        """Renew the lease and reserve more tokens, if any; raises ``HoldEnded`` or ``LedgerAway``."""
        return await self._make(extending(hold_id=hold_id, more_tokens=more_tokens, lease_seconds=lease_seconds))

    async def close_or_spool(self, closing: Closing) -> Settlement | None:
        """Close a hold, or keep the closing on disk as ``spool.close_or_spool`` does; returns None in that case."""
        try:
            return await self._make(closing_hold(closing))
        except LedgerAway:
            pass
        except psycopg.DatabaseError:
            logger.exception("settlement_refused", hold_id=str(closing.hold_id))
        await asyncio.to_thread(spool.write, closing)
        logger.error("settlement_spooled", hold_id=str(closing.hold_id))
        return None

    async def _make(self, movement: Movement[Outcome]) -> Outcome:
        for may_repeat in (True, False):
            try:
                row = await self._execute(movement)
                break
            except NoConnection as error:
                raise LedgerAway from error
            except _BROKEN as error:
                if not may_repeat:
                    raise LedgerAway from error
                self._groups.renew()  # a server that was started again has broken them all
                self._connections.renew()
        return movement.read(row)

    async def _execute(self, movement: Movement[Any]) -> tuple[Any, ...]:
        """Execute one statement, committed and durable once this returns; returns its row."""
        row = await self._execute_in_group(movement) or await self._connections.execute(
            movement.sql, movement.parameters
        )
        if not movement.tells_durability:
            return row
        if not row[-1]:
            await self._connections.execute(MAKE_DURABLE, {})
        return row[:-1]

    async def _execute_in_group(self, movement: Movement[Any]) -> tuple[Any, ...] | None:
        """Execute a movement together with others, or return None: it took no place."""
        if movement.among_many is None:
            return None
        sql, as_json = movement.among_many
        try:
            row = await self._groups.execute(sql, as_json())
        except Undone:  # perhaps for its own fault, which it is told of when it goes by itself
            return None
        return None if row[0] == BUSY else row


_DEFAULT_CONNECTIONS = 4
_of_loops: dict[asyncio.AbstractEventLoop, tuple[AsyncLedger, AsyncGenerator[AsyncLedger]]] = {}


async def get_ledger() -> AsyncLedger:
    """Return the ledger of the event loop that this runs in, opened at its first use and closed when the loop ends."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loops:
        for ended in [kept for kept in _of_loops if kept.is_closed()]:
            del _of_loops[ended]
        keeper = _keep(loop)
        _of_loops[loop] = await anext(keeper), keeper  # opening waits for nothing, so that no other task comes between
    return _of_loops[loop][0]


async def _keep(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[AsyncLedger]:
    """Hold a ledger until the loop ends: before that, asyncio.run closes every async generator."""
    ledger = AsyncLedger(connections_at_most=_DEFAULT_CONNECTIONS)
    await ledger.open()
    try:
        yield ledger
    finally:
        _of_loops.pop(loop, None)
        await ledger.close()


def _connection_parameters() -> dict[str, Any]:
    """Return how Django connects, without what belongs to its own connections and types."""
    parameters: dict[str, Any] = connections["default"].get_connection_params()
    for name in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(name, None)
    return {**parameters, "application_name": APPLICATION_NAME}
