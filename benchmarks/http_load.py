"""Callers: so many connections, each with one request at a time, for so many seconds."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import uvloop

from benchmarks.http_wire import is_answer_complete


@dataclass(frozen=True)
class Load:
    """What callers do. ``prompt_bytes`` is the length of the question; each connection has one of the ``keys``."""

    port: int
    connections: int
    seconds: float
    prompt_bytes: int
    keys: Sequence[str]
    stream: bool = False
    model: str = "bench"
    most_requests: int | None = None


@dataclass
class Outcome:
    """What came of it: seconds to the whole answer, and to the first byte of it; answers that were no success."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    failures: int = 0


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, outcome: Outcome, until: float, most_requests: int | None) -> None:
        self._request, self._outcome, self._until = request, outcome, until
        self._left = most_requests
        self._received = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._first_byte = 0.0
        self._received.clear()
        self._asked = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        now = time.perf_counter()
        if not self._first_byte and b"\r\n\r\n" in self._received:
            self._first_byte = now
        if not is_answer_complete(self._received):
            return
        self._outcome.latencies.append(now - self._asked)
        self._outcome.first_bytes.append(self._first_byte - self._asked)
        self._outcome.failures += not self._received.startswith(b"HTTP/1.1 200")
        if self._left is not None:
            self._left -= 1
        if now < self._until and self._left != 0:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(load: Load) -> Outcome:
    """Make the calls."""
    loop = asyncio.get_running_loop()
    outcome = Outcome()
    started = time.perf_counter()
    callers = []
    for number in range(load.connections):
        request = _write_request(load, load.keys[number % len(load.keys)])
        until = started + load.seconds

        def make(request: bytes = request, until: float = until) -> Caller:
            return Caller(request, outcome, until, load.most_requests)

        _transport, caller = await loop.create_connection(make, "127.0.0.1", load.port)
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    outcome.seconds = time.perf_counter() - started
    return outcome


def _write_request(load: Load, key: str) -> bytes:
    words = "Please say which of the candidates fits the post best, and quote what they wrote. "
    question = (words * (load.prompt_bytes // len(words) + 1))[: load.prompt_bytes]
    body = {"model": load.model, "messages": [{"role": "user", "content": question}], "max_tokens": 100}
    if load.stream:
        body["stream"] = True
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(uvloop.run(run(Load(**json.loads(sys.argv[1])))))))
