"""Tell one process from another that later got the same number."""

import subprocess
import sys
from pathlib import Path

_LINUX = sys.platform == "linux"


def start_time(pid: int) -> str | None:
    """Return when the process began, as text that no other process of this number shares; None if it has ended.

    A zombie has ended: it only waits for its parent to look.
    """
    if not _LINUX:
        return _ask_ps(pid, "lstart=")
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot_id()}/{fields[18]}"


def command_line(pid: int) -> str:
    """Return the process's command line, empty if it has ended or hides it."""
    if not _LINUX:
        return _ask_ps(pid, "args=") or ""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def boot_id() -> str:
    """Return what tells this run of the machine from others; empty where the system does not say.

    Start times count from the boot, and process numbers begin again with it.
    """
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip() if _LINUX else ""


def _ask_ps(pid: int, column: str) -> str | None:
    answer = subprocess.run(["ps", "-p", str(pid), "-o", column], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
