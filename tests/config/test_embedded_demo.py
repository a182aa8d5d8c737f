"""The whole of Winnow as a person starts it. Slow: each test sets up everything."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.embedded.application import answers
from config.embedded.data_folder import PROJECT, DataFolder
from config.embedded.identity import start_time
from config.embedded.leftovers import ProcessRecords
from config.embedded.ports import PortBook
from tests.config.embedded_programs import wait_until

pytestmark = pytest.mark.slow
PROGRAMS = ["beat", "postgres", "sandbox", "valkey", "web", "worker"]
# What the test run itself has set.
OF_THE_TESTS = {
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "DATABASE_APP_ROLE",
    "DJANGO_SETTINGS_MODULE",
    "MEDIA_ROOT",
    "REDIS_URL",
    "SANDBOX_ENABLED",
    "SECRET_KEY",
    "TIKTOKEN_CACHE_DIR",
}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def command(tmp_path: Path, folder: DataFolder) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    environment = {**kept, "WINNOW_DATA": str(folder.root), "TMPDIR": str(tmp_path)}
    return {"env": environment, "cwd": PROJECT, "stdout": subprocess.PIPE, "text": True}


@contextmanager
def running_demo(
    command: dict[str, Any], folder: DataFolder
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """Start the demo and yield it with what it announced."""
    port = PortBook(folder.root.parent / "web-port.json").port_for("web")
    arguments = [sys.executable, "manage.py", "demo", "--json", "--port", str(port)]
    with subprocess.Popen(arguments, **command) as process:
        assert process.stdout
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()


def test_demo_announces_itself_and_leaves_nothing_behind(command: dict[str, Any], folder: DataFolder) -> None:
    with running_demo(command, folder) as (process, demo):
        records = ProcessRecords(folder.run)
        pids = [record.pid for record in records.running().values()]
        assert sorted(records.running()) == PROGRAMS
        assert answers(f"{demo['url']}/healthz")
        assert {login["role"] for login in demo["logins"]} >= {"admin", "recruiter", "viewer", "platform staff"}
        assert folder.services_env.exists()
        process.terminate()
        assert process.wait(60) == 0
    assert [pid for pid in pids if start_time(pid)] == []
    assert not folder.services_env.exists()


def test_killed_programs_come_back(command: dict[str, Any], folder: DataFolder) -> None:
    with running_demo(command, folder) as (_process, demo):
        records = ProcessRecords(folder.run)
        before = records.running()
        for record in before.values():
            record.signal(signal.SIGKILL)
        wait_until(lambda: all_are_new(before, records.running()), 30)
        wait_until(lambda: answers(f"{demo['url']}/healthz"), 30)


def test_killed_supervisor_takes_all_along_and_the_next_start_recovers(
    command: dict[str, Any], folder: DataFolder
) -> None:
    with running_demo(command, folder) as (process, _demo):
        credentials = folder.credentials.read_text()
        process.kill()
    if sys.platform == "linux":
        wait_until(lambda: ProcessRecords(folder.run).running() == {}, 30)
    with running_demo(command, folder) as (_process, demo):
        assert answers(f"{demo['url']}/healthz")
        assert folder.credentials.read_text() == credentials


def test_once_prints_one_document_in_which_all_is_well(command: dict[str, Any], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "manage.py", "demo", "--once", "--json"], **command, check=False)
    report = json.loads(done.stdout)
    assert [row["file"] for row in report["applications"] if not row["as_expected"]] == []
    assert [law["check"] for law in report["laws"] if not law["holds"]] == []
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def all_are_new(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether every program runs, none as the process that it was before."""
    return sorted(after) == PROGRAMS and all(after[name] != record for name, record in before.items())
