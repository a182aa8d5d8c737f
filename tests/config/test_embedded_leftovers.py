import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.identity import start_time
from config.embedded.leftovers import ProcessRecords
from config.embedded.processes import Child, stop_all
from tests.config.embedded_programs import SLEEPER, python_program, wait_until

ORPHANING = (
    "import os, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(p.pid, flush=True)"
)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    """A program that runs: a signal while Python still starts would end it in another way."""
    child = Child(python_program(tmp_path, f"print('started', flush=True); {SLEEPER}"))
    wait_until(lambda: child.program.log.read_text().endswith("\n"))
    yield child
    stop_all([child], is_hurried=lambda: True)


@pytest.fixture
def records(tmp_path: Path) -> ProcessRecords:
    folder = tmp_path / "run"
    folder.mkdir()
    return ProcessRecords(folder)


def test_leftover_process_is_ended(records: ProcessRecords, child: Child) -> None:
    records.write("sleeper", child.pid, signal.SIGINT)
    assert records.end_leftovers() == ["sleeper"]
    assert child.exit_code() == -signal.SIGINT
    assert records.running() == {}


def test_recycled_number_is_left_alone(records: ProcessRecords, child: Child, tmp_path: Path) -> None:
    records.write("sleeper", child.pid, signal.SIGKILL)
    record = tmp_path / "run" / "sleeper.json"
    record.write_text(record.read_text().replace(start_time(child.pid) or "", "another boot/1"))
    assert records.end_leftovers() == []
    assert child.exit_code() is None
    assert not record.exists()


def test_pool_of_a_killed_leader_is_ended(records: ProcessRecords, tmp_path: Path) -> None:
    leader = Child(python_program(tmp_path, ORPHANING + "; sys.stdin.read(); import time; time.sleep(600)"))
    records.write("leader", leader.pid, signal.SIGTERM)
    wait_until(lambda: leader.program.log.read_text().endswith("\n"))
    orphan = int(leader.program.log.read_text())
    leader._process.kill()
    wait_until(lambda: leader.exit_code() is not None)
    assert start_time(orphan)
    records.end_leftovers()
    wait_until(lambda: start_time(orphan) is None)


def test_half_written_record_is_ignored(records: ProcessRecords, tmp_path: Path) -> None:
    (tmp_path / "run" / "web.json").write_text('{"pid": 12')
    assert records.end_leftovers() == []
