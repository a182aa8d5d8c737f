"""Read through Django's ORM from an event loop: in a few threads, and not again for each request."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

import structlog
from django.db import connections

logger = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_THREADS = 4
# In the last part of its time a value that is in use is read again in advance, so that no call waits for it.
_ADVANCE = 0.25


class Reads:
    """A few threads in which reads of the database are made. Each gives its connection back afterwards."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway-read")

    async def run(self, read: Callable[[], V]) -> V:
        """Return what ``read`` returns."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _read_and_give_back, read)

    def begin(self, work: Callable[[], object]) -> None:
        """Have something written that nobody waits for; a failure is logged."""
        self._threads.submit(_try, work)

    def close(self) -> None:
        """End the threads once what they do is done."""
        self._threads.shutdown()


class Remembered(Generic[K, V]):
    """Values by key, read again once they are older than ``seconds``; for one event loop.

    When many wait for the same value, it is read once for all. At most ``max_keys`` are kept: callers make some up.
    """

    def __init__(self, reads: Reads, read: Callable[[K], V], *, seconds: float, max_keys: int = 10_000) -> None:
        self._reads, self._read, self._seconds, self._max_keys = reads, read, seconds, max_keys
        self._values: dict[K, tuple[float, V]] = {}
        self._reading: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K) -> V:
        """Return the value; raises what reading it raises."""
        found = self._values.get(key)
        left = -1.0 if found is None else found[0] - asyncio.get_running_loop().time()
        reading = self._reading.get(key)
        if reading is None and left < self._seconds * _ADVANCE:
            reading = self._reading[key] = asyncio.ensure_future(self._renew(key))
            reading.add_done_callback(partial(self._end_reading, key))
        if found is not None and left > 0:
            return found[1]
        assert reading is not None
        return await asyncio.shield(reading)  # one that is cancelled leaves the value to the others

    def _end_reading(self, key: K, reading: "asyncio.Future[V]") -> None:
        del self._reading[key]
        if not reading.cancelled():
            reading.exception()  # nobody may have waited; who asks when the value's time is over is told

    async def _renew(self, key: K) -> V:
        until = asyncio.get_running_loop().time() + self._seconds
        value = await self._reads.run(lambda: self._read(key))
        if len(self._values) >= self._max_keys:
            self._values.clear()
        self._values[key] = until, value
        return value


def _try(work: Callable[[], object]) -> None:
    try:
        _read_and_give_back(work)
    except Exception:
        logger.exception("gateway_write_failed")


def _read_and_give_back(read: Callable[[], V]) -> V:
    try:
        return read()
    finally:
        connections.close_all()
