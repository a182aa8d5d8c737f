"""How the sandbox misbehaves when it is told to: faults queued per API key, one consumed by each request.

Tests that run in parallel use keys of their own and do not disturb each other. A queue lives in the memory of one
process: run the sandbox with one worker.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from ai_gateway.sandbox.fault_kinds import FaultKind

_MAX_KEYS = 1000
_MAX_FAULTS_PER_KEY = 1000
_MAX_SECONDS = 600.0


class BadFault(Exception):
    """Somebody asked for a fault that does not exist or lacks what it needs."""


@dataclass(frozen=True)
class Fault:
    """One misbehaviour. Which fields a kind reads is said in ``fault_kinds``.

    ``schema_name`` limits a fault to requests for that schema: others pass it by without consuming it.
    """

    kind: FaultKind
    schema_name: str | None = None
    seconds: float = 1.0
    after_chunks: int | None = None
    status: int = 500
    type: str | None = None
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    content_type: str = "text/html"
    output_tokens: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def chunks(self) -> int:
        """Return after how many pieces of text a stream is disturbed."""
        return 1 if self.after_chunks is None else self.after_chunks


def read_faults(body: object) -> list[Fault]:
    """Read the body of ``POST /sandbox/faults``; raise ``BadFault``. ``times`` repeats a fault."""
    if not isinstance(body, Mapping) or not isinstance(body.get("faults"), list):
        raise BadFault('the body must be {"faults": [{"kind": …}, …]}')
    faults: list[Fault] = []
    for entry in body["faults"]:
        if not isinstance(entry, Mapping):
            raise BadFault("a fault must be an object")
        faults += [_read_fault(entry)] * int(entry.get("times", 1))
    if len(faults) > _MAX_FAULTS_PER_KEY:
        raise BadFault(f"at most {_MAX_FAULTS_PER_KEY} faults a key")
    return faults


def _read_fault(entry: Mapping[str, Any]) -> Fault:
    known = {field.name for field in fields(Fault)}
    unknown = set(entry) - known - {"times"}
    if unknown:
        raise BadFault(f"unknown field {sorted(unknown)[0]!r}")
    if entry.get("kind") not in get_args(FaultKind):
        raise BadFault(f"unknown kind {entry.get('kind')!r}; known are {', '.join(get_args(FaultKind))}")
    fault = Fault(**{name: value for name, value in entry.items() if name in known})
    if not 0 <= fault.seconds <= _MAX_SECONDS:
        raise BadFault(f"seconds must be 0 to {_MAX_SECONDS:g}")
    if not 400 <= fault.status <= 599:
        raise BadFault("status must be 400 to 599")
    return fault


class FaultQueues:
    """The queued faults of all keys; the key that was idle longest is forgotten first."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Fault]] = OrderedDict()

    def add(self, key: str, faults: list[Fault]) -> int:
        """Queue faults and return how many wait."""
        queue = self._queues.setdefault(key, deque(maxlen=_MAX_FAULTS_PER_KEY))
        self._queues.move_to_end(key)
        queue.extend(faults)
        while len(self._queues) > _MAX_KEYS:
            self._queues.popitem(last=False)
        return len(queue)

    def clear(self, key: str) -> None:
        """Forget the faults of a key."""
        self._queues.pop(key, None)

    def take(self, key: str, schema_name: str) -> Fault | None:
        """Take the first fault that is meant for a request, or None."""
        queue = self._queues.get(key, deque())
        for fault in queue:
            if fault.schema_name in (None, schema_name):
                queue.remove(fault)
                return fault
        return None
