"""Small programs for the supervisor's tests, and a wait that ends as soon as what it waits for is true."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.embedded.processes import Program

SLEEPER = "import time; time.sleep(600)"


def python_program(folder: Path, code: str, name: str = "sleeper", **how: Any) -> Program:
    return Program(name=name, command=[sys.executable, "-c", code], environment={}, log=folder / f"{name}.log", **how)


def wait_until(true: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
