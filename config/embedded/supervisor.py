"""Keep programs running, run steps between them, and leave nothing behind.

One thread does everything in turns, for two reasons: Linux sends a child its parent-death signal when the
*thread* that started it ends, and a stop that is noticed between two steps needs no locks.
"""

import signal
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import NoReturn, Self

from config.embedded.console import Console
from config.embedded.errors import ProgramFailed, StopRequested
from config.embedded.leftovers import ProcessRecords
from config.embedded.processes import Child, Program, Stage, stop_all
from config.embedded.restarts import RestartPolicy

_TURN_SECONDS = 0.05
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Starts programs in order, restarts those that die, and stops them in the opposite order on exit.

    Enter it with the data folder's lock held. Every method raises StopRequested soon after a stop signal,
    and ProgramFailed when a program cannot be kept running.
    """

    def __init__(self, records: ProcessRecords, console: Console) -> None:
        self._records = records
        self._console = console
        self._kept: dict[str, _Kept] = {}
        self._signals: list[int] = []
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in _STOP_SIGNALS:
            # nohup asks to ignore SIGHUP. A shell also ignores SIGINT for what it runs in the background, but
            # nothing else would be meant by sending it.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._note_signal)
        left = self._records.end_leftovers()
        if left:
            self._console.say(f"  ended what an earlier run left behind: {', '.join(left)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stage in sorted(Stage, reverse=True):
            running = [kept.child for kept in self._kept.values() if kept.program.stage == stage and kept.child]
            stop_all(running, is_hurried=self._is_hurried)
            for child in running:
                self._records.remove(child.program.name)
        if self._signals:
            self._tell("Stopped.")
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, *programs: Program) -> None:
        """Start the programs side by side, return when all are ready, and keep them running from then on."""
        for program in programs:
            self._kept[program.name] = _Kept(program, self._spawn(program))
        for program in programs:
            self._wait_until_ready(self._kept[program.name])

    def run(self, program: Program) -> None:
        """Run a program to its end, the others being looked after meanwhile. Raises ProgramFailed."""
        code, child = self._run(program)
        if code:
            raise ProgramFailed(program.name, _how_it_ended(code), "" if program.show_errors else child.last_lines())

    def run_for_code(self, program: Program) -> int:
        """Run a program to its end and return its exit code, whatever it is."""
        return self._run(program)[0]

    def watch(self) -> NoReturn:
        """Look after the programs until a signal or a failure ends it."""
        while True:
            self.take_turn()

    def take_turn(self) -> None:
        """Do what is due now, then wait a moment."""
        if self._signals:
            raise StopRequested(self._signals[0])
        for kept in self._kept.values():
            self._look_after(kept)
        time.sleep(_TURN_SECONDS)

    def _run(self, program: Program) -> tuple[int, Child]:
        child = self._spawn(program)
        try:
            while (code := child.exit_code()) is None:
                self.take_turn()
        finally:
            stop_all([child], is_hurried=self._is_hurried)
            self._records.remove(program.name)
        return code, child

    def _spawn(self, program: Program) -> Child:
        child = Child(program)
        self._records.write(program.name, child.pid, program.stop_with[0][0])
        return child

    def _wait_until_ready(self, kept: "_Kept") -> None:
        deadline = time.monotonic() + kept.program.ready_seconds
        while not kept.program.is_ready():
            if time.monotonic() > deadline:
                raise ProgramFailed(
                    kept.program.name,
                    f"did not answer within {kept.program.ready_seconds:.0f} s",
                    kept.child.last_lines() if kept.child else "",
                )
            self.take_turn()
        kept.was_ready = True

    def _look_after(self, kept: "_Kept") -> None:
        if kept.child is None:
            if time.monotonic() >= kept.start_again_at:
                kept.child = self._spawn(kept.program)
            return
        code = kept.child.exit_code()
        if code is not None:
            self._arrange_restart(kept, kept.child, code)

    def _arrange_restart(self, kept: "_Kept", child: Child, code: int) -> None:
        name, ended = kept.program.name, _how_it_ended(code)
        child.kill_group()
        self._records.remove(name)
        kept.child = None
        delay = kept.restarts.delay_after_death()
        if not kept.was_ready or delay is None:
            tried = " again and again" if kept.was_ready else " while it started"
            raise ProgramFailed(name, ended + tried, child.last_lines())
        kept.start_again_at = time.monotonic() + delay
        self._console.say(f"  {name} {ended}; starting it again in {delay:.1f} s. Log: {kept.program.log}")

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)
        if len(self._signals) == 1:
            self._tell("\nStopping …")

    def _tell(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._console.say(text)

    def _is_hurried(self) -> bool:
        return len(self._signals) > 1


class _Kept:
    """A program to be kept running; ``child`` is None between its death and its next start."""

    def __init__(self, program: Program, child: Child) -> None:
        self.program = program
        self.child: Child | None = child
        self.was_ready = False
        self.start_again_at = 0.0
        self.restarts = RestartPolicy()


def _how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
