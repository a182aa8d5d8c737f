import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.console import Console
from config.embedded.errors import ProgramFailed, StopRequested
from config.embedded.leftovers import ProcessRecords
from config.embedded.processes import Stage
from config.embedded.supervisor import Supervisor
from tests.config.embedded_programs import SLEEPER, python_program

LISTENER = (
    "import pathlib, signal, sys, time\n"
    "def note(*_): open({journal!r}, 'a').write({name!r}); sys.exit()\n"
    "signal.signal(signal.SIGTERM, note)\n"
    "pathlib.Path({ready!r}).touch()\n"
    "time.sleep(600)"
)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def records(tmp_path: Path) -> ProcessRecords:
    (tmp_path / "run").mkdir()
    return ProcessRecords(tmp_path / "run")


@pytest.fixture
def supervisor(records: ProcessRecords, screen: io.StringIO) -> Iterator[Supervisor]:
    with Supervisor(records, Console(screen)) as supervisor:
        yield supervisor


def test_dead_program_is_started_again(
    supervisor: Supervisor, records: ProcessRecords, screen: io.StringIO, tmp_path: Path
) -> None:
    supervisor.start(python_program(tmp_path, SLEEPER))
    first = records.running()["sleeper"]
    first.signal(signal.SIGKILL)
    while records.running().get("sleeper") in (None, first):
        supervisor.take_turn()
    assert "sleeper was ended by SIGKILL; starting it again in 0.2 s." in screen.getvalue()


def test_program_that_keeps_dying_is_given_up(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.embedded.restarts._FIRST_DELAY_SECONDS", 0)
    supervisor.start(python_program(tmp_path, "print('no such table'); raise SystemExit(7)"))
    with pytest.raises(ProgramFailed, match="sleeper ended with code 7 again and again(.|\n)*no such table"):
        supervisor.watch()


def test_program_that_dies_before_it_is_ready_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    program = python_program(tmp_path, "raise SystemExit(3)", is_ready=lambda: False)
    with pytest.raises(ProgramFailed, match="sleeper ended with code 3 while it started"):
        supervisor.start(program)


def test_program_that_never_gets_ready_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    program = python_program(tmp_path, SLEEPER, is_ready=lambda: False, ready_seconds=0.1)
    with pytest.raises(ProgramFailed, match="did not answer within 0 s"):
        supervisor.start(program)


def test_failing_step_shows_its_last_lines(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="step ended with code 1(.|\n)*out of coffee"):
        supervisor.run(python_program(tmp_path, "raise SystemExit('out of coffee')", name="step"))


def test_full_disk_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="The disk is full: make room, or set WINNOW_DATA"):
        supervisor.run(python_program(tmp_path, "raise SystemExit('write: No space left on device')"))


def test_stop_signal_ends_the_watch(supervisor: Supervisor) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(StopRequested) as request:
        supervisor.watch()
    assert request.value.exit_code == 143


def test_stop_signal_ends_a_running_step(supervisor: Supervisor, records: ProcessRecords, tmp_path: Path) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(StopRequested):
        supervisor.run(python_program(tmp_path, SLEEPER))
    assert records.running() == {}


def test_programs_stop_in_the_opposite_order(records: ProcessRecords, screen: io.StringIO, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with Supervisor(records, Console(screen)) as supervisor:
        for stage in Stage:
            name, ready = stage.name, tmp_path / f"{stage.name}.ready"
            code = LISTENER.format(journal=str(journal), name=f"{name} ", ready=str(ready))
            supervisor.start(python_program(tmp_path, code, name=name, stage=stage, is_ready=ready.exists))
    assert journal.read_text() == "APPLICATION PROVIDER BROKER DATABASE "
    assert records.running() == {}
