"""What a process remembers of the database for a short while, so that calls do not ask for it each time."""

from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# A reader on the event loop makes sure of a value a little before it ends, and then takes it without a query.
_LEEWAY = 0.9


class Remembered(Generic[K, V]):
    """Values by key, each read again once it is older than ``seconds``; safe to use from several threads.

    Only one thread reads at a time: when many wait for the same value, the first reads it for all. At most
    ``max_keys`` are kept: for keys that callers can make up.
    """

    def __init__(self, read: Callable[[K], V], *, seconds: float, max_keys: int = 10_000) -> None:
        self._read, self.seconds, self._max_keys = read, seconds, max_keys
        self._values: dict[K, tuple[float, V]] = {}
        self._reading = Lock()

    def get(self, key: K) -> V:
        """Return the value, reading it if there is none or it is too old."""
        found = self._values.get(key)
        if found is not None and monotonic() - found[0] <= self.seconds:
            return found[1]
        with self._reading:
            found = self._values.get(key)
            if found is None or monotonic() - found[0] > self.seconds:
                found = self._keep(key)
        return found[1]

    async def warm(self, key: K) -> None:
        """See to it that ``get`` asks no database just after this: for callers on an event loop."""
        found = self._values.get(key)
        if found is None or monotonic() - found[0] > self.seconds * _LEEWAY:
            await sync_to_async(self._renew)(key)

    def forget(self) -> None:
        """Drop everything, so that what was just written is seen at once."""
        self._values.clear()

    def __len__(self) -> int:
        return len(self._values)

    def _renew(self, key: K) -> None:
        close_old_connections()
        with self._reading:
            self._keep(key)

    def _keep(self, key: K) -> tuple[float, V]:
        read_at = monotonic()
        found = (read_at, self._read(key))
        if key not in self._values and len(self._values) >= self._max_keys:
            self._values.clear()
        self._values[key] = found
        return found
