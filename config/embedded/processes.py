"""Start a program so that it can be stopped whole, and so that it does not outlive its supervisor."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from config.embedded.data_folder import PROJECT
from config.embedded.errors import UnsupportedPlatform

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_LOG_MAX_BYTES = 5 * 1024 * 1024
_TAIL_BYTES = 2_000


class Stage(IntEnum):
    """When a program starts and, in the opposite order, stops."""

    DATABASE = 0
    BROKER = 1
    PROVIDER = 2
    APPLICATION = 3


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and how to know that it works and how to end it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stage: Stage = Stage.APPLICATION
    before_start: Callable[[], None] = lambda: None
    is_ready: Callable[[], bool] = lambda: True
    ready_seconds: float = 60
    stop_with: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10),)
    """Signals to send in turn, each with the seconds to wait for it. The last resort is SIGKILL."""
    stdout: Path | None = None
    """Where standard output goes if not to the log."""
    show_errors: bool = False
    """Whether standard error goes to the terminal and not to the log."""


class Child:
    """A running program, leader of a process group of its own."""

    def __init__(self, program: Program) -> None:
        """Start the program. Raises UnsupportedPlatform if its binary does not run on this machine."""
        self.program = program
        self.started_at = time.monotonic()
        program.before_start()
        with _open_log(program.log) as log:
            self._log_begins = log.tell()
            self._process = _spawn(program, log)
        self.pid = self._process.pid
        self._pending_stops = list(program.stop_with)
        self._next_stop_at = 0.0

    def exit_code(self) -> int | None:
        """Return how the program ended (negative: by that signal), or None while it runs."""
        return self._process.poll()

    def last_lines(self, count: int = 15) -> str:
        """Return the end of what this run wrote to its log."""
        with self.program.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(self._log_begins, log.tell() - _TAIL_BYTES * 4))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])

    def press_to_stop(self, *, hurried: bool) -> None:
        """Send the next stop signal once the one before has had its time, and SIGKILL after the last."""
        now = time.monotonic()
        if not hurried and now < self._next_stop_at:
            return
        if hurried or not self._pending_stops:
            self.kill_group()
            self._next_stop_at = now + 1
            return
        number, seconds = self._pending_stops.pop(0)
        self._next_stop_at = now + seconds
        self._process.send_signal(number)

    def kill_group(self) -> None:
        """Kill what is left of the process group, such as pool processes of a killed worker."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # Nothing is left. (macOS answers "not permitted" for a group of zombies.)
            return


def stop_all(children: Iterable[Child], *, is_hurried: Callable[[], bool]) -> None:
    """Stop the children side by side and return when every process of theirs is gone."""
    running = list(children)
    while running:
        for child in running:
            child.press_to_stop(hurried=is_hurried())
        time.sleep(0.02)
        for child in [child for child in running if child.exit_code() is not None]:
            child.kill_group()
            running.remove(child)


def _spawn(program: Program, log: BinaryIO) -> subprocess.Popen[bytes]:
    output = program.stdout.open("wb") if program.stdout else log
    try:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if program.show_errors else log,
            env=dict(program.environment),
            cwd=PROJECT,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone, which stops in order
            preexec_fn=end_with_parent(program.stop_with[0][0]),  # noqa: PLW1509 - the supervisor has one thread
        )
    except OSError as error:
        raise UnsupportedPlatform(f"{program.command[0]} does not run on this machine: {error.strerror}.") from error
    finally:
        if output is not log:
            output.close()


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what makes Linux signal the child when the supervisor dies, however it dies."""
    libc = _LIBC
    if libc is None:
        return None  # elsewhere the next start ends what is left over
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # it died before the arrangement was made
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def _open_log(path: Path) -> BinaryIO:
    """Open a log to append to, keeping one old file once it has grown."""
    if path.exists() and path.stat().st_size > _LOG_MAX_BYTES:
        path.replace(path.with_suffix(".log.1"))
    log = path.open("ab")
    log.seek(0, os.SEEK_END)
    return log
