import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.errors import UnsupportedPlatform
from config.embedded.identity import start_time
from config.embedded.processes import Child, Program, stop_all
from tests.config.embedded_programs import SLEEPER, python_program, wait_until

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
WITH_GRANDCHILD = (
    "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(p.pid, flush=True); p.wait()"
)


def log_of(child: Child) -> str:
    return child.program.log.read_text()


def test_last_lines_are_those_of_this_run(tmp_path: Path) -> None:
    program = python_program(tmp_path, "print('one'); print('two')")
    program.log.write_text("an earlier run\n")
    child = Child(program)
    wait_until(lambda: child.exit_code() == 0)
    assert child.last_lines() == "one\ntwo"


def test_stop_ends_a_program_that_ignores_the_signal(tmp_path: Path) -> None:
    child = Child(python_program(tmp_path, DEAF, stop_with=[(signal.SIGTERM, 0.1)]))
    wait_until(lambda: "deaf" in log_of(child))
    stop_all([child], is_hurried=lambda: False)
    assert child.exit_code() == -signal.SIGKILL


def test_stop_is_gentle_to_a_program_that_listens(tmp_path: Path) -> None:
    child = Child(python_program(tmp_path, SLEEPER))
    stop_all([child], is_hurried=lambda: False)
    assert child.exit_code() == -signal.SIGTERM


def test_stop_in_a_hurry_does_not_ask_first(tmp_path: Path) -> None:
    child = Child(python_program(tmp_path, DEAF))
    wait_until(lambda: "deaf" in log_of(child))
    stop_all([child], is_hurried=lambda: True)
    assert child.exit_code() == -signal.SIGKILL


def test_stop_takes_grandchildren_along(tmp_path: Path) -> None:
    child = Child(python_program(tmp_path, WITH_GRANDCHILD))
    wait_until(lambda: log_of(child).endswith("\n"))
    grandchild = int(log_of(child))
    stop_all([child], is_hurried=lambda: False)
    wait_until(lambda: start_time(grandchild) is None)


def test_binary_of_another_platform_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "server"
    binary.write_bytes(b"\x7fNOT")
    binary.chmod(0o755)
    program = Program(name="server", command=[str(binary)], environment={}, log=tmp_path / "server.log")
    with pytest.raises(UnsupportedPlatform, match=f"{binary} does not run on this machine"):
        Child(program)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_child_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, pathlib; from config.embedded.processes import Child;"
        "from tests.config.embedded_programs import SLEEPER, python_program;"
        f"child = Child(python_program(pathlib.Path({str(tmp_path)!r}), SLEEPER));"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    supervisor = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert supervisor.returncode == -signal.SIGKILL
    wait_until(lambda: start_time(int(supervisor.stdout)) is None)


def test_start_time_tells_a_zombie_from_a_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert start_time(os.getpid())
    wait_until(lambda: start_time(process.pid) is None)
    process.wait()
