"""What a confined process can no longer do."""

import subprocess
import sys

import pytest

from applications.extraction.process import PROJECT

CONFINE = """
import os, pathlib, resource, socket, subprocess
from applications.extraction.confinement import confine
from applications.extraction.limits import Limits
confine(Limits(memory_bytes=300 * 1024 * 1024, cpu_seconds=7))
"""


def run_confined(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-c", CONFINE + code]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "socket.getaddrinfo('example.com', 80)",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "open('/tmp/winnow-confined', 'w')",
        "open('/dev/null', 'r+')",
        "os.open('/dev/null', os.O_WRONLY)",
        "os.remove('/tmp/winnow-confined')",
        "pathlib.Path('/tmp/winnow-confined').mkdir()",
        "os.symlink('a', '/tmp/winnow-confined')",
    ],
)
def test_network_processes_and_writing_are_refused(code: str) -> None:
    result = run_confined(code)
    assert result.returncode == 1
    assert "refused while a document is read" in result.stderr


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("RLIMIT_CORE", (0, 0)),
        ("RLIMIT_FSIZE", (0, 0)),
        ("RLIMIT_NOFILE", (64, 64)),
        ("RLIMIT_CPU", (7, 8)),
        pytest.param(
            "RLIMIT_AS",
            (300 * 1024 * 1024,) * 2,
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses to set it"),
        ),
    ],
)
def test_limits_are_in_force(name: str, limits: tuple[int, int]) -> None:
    assert run_confined(f"print(resource.getrlimit(resource.{name}))").stdout == f"{limits}\n"


def test_reading_and_answering_remain() -> None:
    assert run_confined("print(len(open('applications/extraction/limits.py').read()) > 0)").stdout == "True\n"


def test_child_imports_nothing_of_django() -> None:
    code = (
        "import sys, applications.extraction.child, applications.extraction.pdf, applications.extraction.word, "
        "applications.extraction.plain_text\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'config', 'celery')])"
    )
    assert run_confined(code).stdout == "[]\n"
