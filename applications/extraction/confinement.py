"""What the child gives up before it looks at a document."""

from __future__ import annotations

import os
import resource
import sys
from typing import Any

from applications.extraction.limits import Limits

OPEN_FILES = 64
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED_EVENTS = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename",
    "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.kill", "pty.spawn",
    "shutil.", "tempfile.", "urllib.", "http.client.", "pickle.find_class", "ctypes.dlopen", "webbrowser.",
)  # fmt: skip


def confine(limits: Limits) -> None:
    """Bound this process's memory, CPU time and files, and refuse it network, processes and writing.

    The resource limits are the kernel's. The refusals catch Python code that is led astray by a document; they
    are no wall against machine code.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    if sys.platform != "darwin":  # macOS refuses to set it
        _limit(resource.RLIMIT_AS, limits.memory_bytes)
    sys.addaudithook(_refuse)


def _limit(name: int, value: int) -> None:
    """Lower a limit for good, where a lower one is not already in force."""
    _, hard = resource.getrlimit(name)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    # A second of grace turns the end of CPU time into SIGXCPU, which the worker can tell from other kills.
    grace = 1 if name == resource.RLIMIT_CPU and (hard == resource.RLIM_INFINITY or value < hard) else 0
    resource.setrlimit(name, (value, value + grace))


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(REFUSED_EVENTS):
        raise PermissionError(f"{event} is refused while a document is read")
    if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
        raise PermissionError("writing is refused while a document is read")
