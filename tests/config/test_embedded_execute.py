import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.data_folder import PROJECT, DataFolder
from config.embedded.leftovers import ProcessRecords
from tests.config.embedded_programs import wait_until

REPORT = (
    "import json, os, psycopg;"
    "connection = psycopg.connect(os.environ['DATABASE_URL']);"
    "user = connection.execute('SELECT current_user').fetchone()[0];"
    "print(json.dumps({'user': user, 'role': os.environ['DATABASE_APP_ROLE'], 'data': os.environ['WINNOW_DATA']}));"
    "raise SystemExit(5)"
)
WAIT = "import os, time; print(os.environ['WINNOW_DATA'], flush=True); time.sleep(600)"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {**kept, "TMPDIR": str(tmp_path)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "config.embedded", "exec", "--", *arguments]


def test_command_runs_as_the_owner_and_its_code_is_passed_on(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        command(sys.executable, "-c", REPORT), env=environment, cwd=PROJECT, capture_output=True, check=False
    )
    report = json.loads(done.stdout)
    assert done.returncode == 5
    assert (report["user"], report["role"]) == ("winnow_owner", "winnow_app")
    assert report["data"].startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def waiting(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], DataFolder]]:
    """A command that waits, and the data folder of its services."""
    with subprocess.Popen(
        command(sys.executable, "-c", WAIT),
        env=environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        yield process, DataFolder(Path(process.stdout.readline().strip()))
        process.kill()


def test_stopped_command_leaves_nothing(waiting: tuple[subprocess.Popen[str], DataFolder]) -> None:
    process, folder = waiting
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert not folder.root.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_killed_supervisor_leaves_no_process(waiting: tuple[subprocess.Popen[str], DataFolder]) -> None:
    process, folder = waiting
    assert process.stdout
    records = ProcessRecords(folder.run)
    assert sorted(records.running()) == ["postgres", "valkey"]
    process.kill()
    assert process.stdout.read() == ""  # the waiting command held it open and is gone
    wait_until(lambda: records.running() == {})


def test_unknown_command_is_named(environment: dict[str, str]) -> None:
    done = subprocess.run(
        command("no-such-program"), env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("no-such-program: No such file or directory\n")
