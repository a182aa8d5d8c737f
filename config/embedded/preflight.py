"""Look, before anything is started, for what would make the start fail half-way."""

import errno
import os
import platform
import shutil
from pathlib import Path

from config.embedded.errors import DiskFull, PortTaken, UnsupportedPlatform
from config.embedded.ports import why_not_free

REQUIRED_FREE_MB = 300  # an empty cluster with its write-ahead log is 40 MB; the rest is room to work


def check_platform() -> None:
    """Raise UnsupportedPlatform where supervising processes the POSIX way is not possible."""
    if os.name != "posix":
        raise UnsupportedPlatform(
            f"Winnow's embedded services run on Linux and macOS, not on {platform.system()}. Use WSL."
        )


def check_disk(folder: Path) -> None:
    """Raise DiskFull if less than REQUIRED_FREE_MB is free where the folder is, or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 1024**2
    if free_mb < REQUIRED_FREE_MB:
        raise DiskFull(
            f"{folder} has {free_mb} MB of free disk; Winnow needs {REQUIRED_FREE_MB} MB. "
            "Make room, or set WINNOW_DATA to a folder on another disk."
        )


def check_port(port: int) -> None:
    """Raise PortTaken unless a server could listen on this port of 127.0.0.1 now."""
    error = why_not_free(port)
    if error is None:
        return
    if isinstance(error, PermissionError):
        raise PortTaken(f"Port {port} needs special rights. {_choose(8000)}") from error
    if error.errno == errno.EADDRINUSE:
        raise PortTaken(f"Port {port} is used by another program. {_choose(port + 1)}") from error
    raise error


def _choose(port: int) -> str:
    return f"Choose another one: make demo PORT={port}, or manage.py demo --port {port}."
