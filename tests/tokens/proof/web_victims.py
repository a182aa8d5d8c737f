"""Web processes that serve the gateway as production does, and die at a named point of a call.

The points are put in here, in the process that is to die: the product knows nothing of them.
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import uvicorn

from ai_gateway.http.application import GatewayApplication
from ai_gateway.http.outlets import Outlet
from ai_gateway.providers.upstream import Upstream, UpstreamAnswer
from config.asgi import application
from tests.tokens.proof.processes import Settings, enter
from tests.tokens.proof.victims import Change, Step, change, die
from tokens.services.async_ledger import AsyncLedger

assert isinstance(application, GatewayApplication)


def _dying_before(_step: Step) -> Step:
    async def do(*_arguments: Any, **_options: Any) -> None:
        die()

    return do


def _dying_after(step: Step) -> Step:
    async def do(*arguments: Any, **options: Any) -> None:
        await step(*arguments, **options)
        die()

    return do


# Where a web process dies, or lives on to be killed: what is replaced, and by what.
POINTS: Mapping[str, Sequence[Change]] = {
    "before the hold": [(AsyncLedger, "place_hold", _dying_before)],
    "after the hold": [(AsyncLedger, "place_hold", _dying_after)],
    "before sending": [(Upstream, "post", _dying_before)],
    "after a second attempt began": [(AsyncLedger, "start_attempt", _dying_after)],
    "once the provider answers": [(Upstream, "post", _dying_after)],
    "in mid-stream": [(Outlet, "write", _dying_after)],
    "after the answer": [(UpstreamAnswer, "read", _dying_after)],
    "before the settlement": [(AsyncLedger, "close_or_spool", _dying_before)],
    "after the settlement": [(AsyncLedger, "close_or_spool", _dying_after)],
    "none": [],
}


def serve(given: Settings, listener: socket.socket, point: str) -> None:
    """Serve until a call comes to ``point``, or until a signal."""
    change(POINTS[point])
    enter(given)
    config = uvicorn.Config(application, lifespan="on", log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
