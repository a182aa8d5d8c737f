"""What the person at the terminal sees while Winnow starts: a line per step, with its seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_WIDTH = 34


class Console:
    """Writes progress to standard error, so that standard output carries only results."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._started = time.monotonic()

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        """Write one message."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step by name while it runs (on a terminal) and with its seconds when it is done."""
        begun = time.monotonic()
        if self._stream.isatty():
            self._stream.write(f"  {title} …\r")
            self._stream.flush()
        try:
            yield
        except BaseException:
            self.say(f"  {title:<{_WIDTH}} not finished")
            raise
        self.say(f"  {title:<{_WIDTH}}{time.monotonic() - begun:5.1f} s")
