"""Processes that make a call and die at a named point of it.

The points are put in here, in the process that is to die: the product knows nothing of them.
"""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.db import connection

from ai_gateway import attempts, calls
from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import CallUnderWay
from tests.tokens.proof.hammer import wait_at_gate
from tests.tokens.proof.processes import Settings, enter

Step = Callable[..., Any]


def die() -> None:
    """End this process as a power cut or the kernel would: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_before(_step: Step) -> Step:
    return lambda *_arguments, **_options: die()


def _dying_after(step: Step) -> Step:
    def do(*arguments: Any, **options: Any) -> None:
        step(*arguments, **options)
        die()

    return do


def _waiting_before(step: Step) -> Step:
    def do(*arguments: Any, **options: Any) -> Any:
        wait_at_gate()
        return step(*arguments, **options)

    return do


def _without_database(step: Step) -> Step:
    def do(*arguments: Any, **options: Any) -> Any:
        connection.close()
        connection.settings_dict["PORT"] = "1"  # nobody listens there: connecting is refused
        return step(*arguments, **options)

    return do


def _no_pause(_step: Step) -> Step:
    return lambda _seconds: None


# Where the process dies, or waits to be killed: what is replaced, and by what.
POINTS: dict[str, tuple[tuple[Any, str, Callable[[Step], Step]], ...]] = {
    "before the hold": ((calls, "place_hold", _dying_before),),
    "after the hold": ((calls, "place_hold", _dying_after),),
    "after a second attempt began": (
        (attempts.time, "sleep", _no_pause),
        (attempts, "start_attempt", _dying_after),
    ),
    "while the provider works": (),
    "after the answer": ((attempts, "close_or_spool", _dying_before),),
    "while it settles": ((attempts, "close_or_spool", _waiting_before),),
    "after the settlement": ((attempts, "close_or_spool", _dying_after),),
    "after the settlement was spooled": (
        (attempts, "close_or_spool", _dying_after),
        (attempts, "close_or_spool", _without_database),
    ),
}


def make_call(given: Settings, call: Call, point: str) -> None:
    """Make a call and die at ``point``, or live on."""
    enter(given)
    for module, name, replacement in POINTS[point]:
        setattr(module, name, replacement(getattr(module, name)))
    call_ai(call)
    connection.close()


def make_calls(given: Settings, by_key: Sequence[Call]) -> None:
    """Make calls until they are made or this process is killed; those under way elsewhere are left alone."""
    enter(given)
    for call in by_key:
        with suppress(CallUnderWay):
            call_ai(call)
    connection.close()
