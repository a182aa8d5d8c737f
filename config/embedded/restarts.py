"""When to start a program again that died, and when to stop trying."""

import time
from collections import deque
from collections.abc import Callable

_FIRST_DELAY_SECONDS = 0.2
_DEATHS_ALLOWED = 6
_WINDOW_SECONDS = 120


class RestartPolicy:
    """Doubles the wait with each death, and gives up at the seventh within two minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: deque[float] = deque()

    def delay_after_death(self) -> float | None:
        """Return the seconds to wait before the next start, or None to give up."""
        now = self._clock()
        self._deaths.append(now)
        while self._deaths[0] < now - _WINDOW_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) > _DEATHS_ALLOWED:
            return None
        return float(_FIRST_DELAY_SECONDS * 2 ** (len(self._deaths) - 1))
