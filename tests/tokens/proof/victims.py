"""Processes that make a call, or drain the spool, and die at a named point of it.

The points are put in here, in the process that is to die: the product knows nothing of them.
"""

import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.db import connection

from ai_gateway import driving
from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import CallUnderWay
from ai_gateway.providers.openai_chat import OpenAIChat
from tests.tokens.proof.hammer import wait_at_gate
from tests.tokens.proof.processes import Settings, enter
from tokens.services import spool

Step = Callable[..., Any]
Change = tuple[Any, str, Callable[[Step], Step]]


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


def _dying_halfway(_step: Step) -> Step:
    def dump(content: object, file: Any, **options: Any) -> None:
        text = json.dumps(content, **options)
        file.write(text[: len(text) // 2])
        file.flush()
        die()

    return dump


def _without_database(step: Step) -> Step:
    def do(*arguments: Any, **options: Any) -> Any:
        connection.close()
        connection.settings_dict["PORT"] = "1"  # nobody listens there: connecting is refused
        return step(*arguments, **options)

    return do


def _no_pause(_step: Step) -> Step:
    return lambda _seconds: None


AWAY: Change = (driving, "close_or_spool", _without_database)
# Where a process that makes a call dies, or waits to be killed: what is replaced, and by what.
POINTS_OF_A_CALL: Mapping[str, Sequence[Change]] = {
    "before the hold": [(driving, "place_hold", _dying_before)],
    "after the hold": [(driving, "place_hold", _dying_after)],
    "before sending": [(OpenAIChat, "complete", _dying_before)],
    "while the provider works": [],
    "after a second attempt began": [(driving.time, "sleep", _no_pause), (driving, "start_attempt", _dying_after)],
    "after the answer": [(OpenAIChat, "complete", _dying_after)],
    "before the settlement": [(driving, "close_or_spool", _dying_before)],
    "while it settles": [(driving, "close_or_spool", _waiting_before)],
    "after the settlement": [(spool, "close_hold", _dying_after)],
    "while the spool's file is half written": [AWAY, (spool.json, "dump", _dying_halfway)],
    "before the spool's file has its name": [AWAY, (spool.Path, "rename", _dying_before)],
    "after the settlement was spooled": [AWAY, (spool, "write", _dying_after)],
}
# Where a process that drains the spool dies.
POINTS_OF_A_DRAIN: Mapping[str, Sequence[Change]] = {
    "before it is applied": [(spool, "close_hold", _dying_before)],
    "after it is applied": [(spool, "close_hold", _dying_after)],
    "after its file is gone": [(spool.Path, "unlink", _dying_after)],
}


def make_call(given: Settings, call: Call, point: str) -> None:
    """Make a call and die at ``point``, or live on."""
    change(POINTS_OF_A_CALL[point])
    enter(given)
    call_ai(call)
    connection.close()


def drain_spool(given: Settings, point: str) -> None:
    """Drain the spool and die at ``point``."""
    change(POINTS_OF_A_DRAIN[point])
    enter(given)
    spool.drain()


def make_calls(given: Settings, by_key: Sequence[Call]) -> None:
    """Make calls until they are made or this process is killed; those under way elsewhere are left alone.

    The first is made before the gate opens: what it loads takes longer than many calls.
    """
    enter(given)
    for number, call in enumerate(by_key):
        if number == 1:
            wait_at_gate()
        with suppress(CallUnderWay):
            call_ai(call)
    connection.close()


def change(changes: Sequence[Change]) -> None:
    """Put points into this process."""
    for owner, name, replacement in changes:
        setattr(owner, name, replacement(getattr(owner, name)))
