"""The folder that holds all state of the embedded services: who may use it, and what lies where."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.errors import AlreadyRunning, FolderRefused

PROJECT = Path(__file__).resolve().parents[2]
# Folders that management commands make by themselves, with services or without.
_MADE_BY_COMMANDS = {"media", "spool", "static", "tiktoken"}


@dataclass(frozen=True)
class DataFolder:
    """Paths below ``WINNOW_DATA``. The lock file also marks the folder as ours."""

    root: Path

    @classmethod
    def from_environment(cls) -> "DataFolder":
        """Return the folder that WINNOW_DATA names, by default ``.winnow`` in the project."""
        return cls(Path(os.environ.get("WINNOW_DATA") or PROJECT / ".winnow").expanduser().absolute())

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def services_env(self) -> Path:
        return self.root / "services.env"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def done(self) -> Path:
        return self.root / "done.json"

    @property
    def demo(self) -> Path:
        return self.root / "demo.json"

    @property
    def beat_schedule(self) -> Path:
        return self.root / "celerybeat-schedule"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def mail(self) -> Path:
        return self.root / "mail"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def tiktoken(self) -> Path:
        return self.root / "tiktoken"

    def create(self) -> None:
        """Make the folder, private to its user. Raises FolderRefused if it is not ours to use."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self.is_ours() and any(path.name not in _MADE_BY_COMMANDS for path in self.root.iterdir()):
                raise FolderRefused(f"{self.root} holds other files. Set WINNOW_DATA to an empty or a new folder.")
            self.lock_file.touch(mode=0o600)
            for folder in (self.valkey, self.logs, self.run, self.media, self.mail, self.static, self.tiktoken):
                folder.mkdir(exist_ok=True, mode=0o700)
        except PermissionError as error:
            raise FolderRefused(
                f"{error.filename} belongs to another user. Set WINNOW_DATA to a folder of your own, "
                "or run as the user who created it."
            ) from error

    def is_ours(self) -> bool:
        """Tell whether the folder was made here before."""
        return self.lock_file.exists()

    @contextmanager
    def locked(self, **about: object) -> Iterator[None]:
        """Hold the folder for this process, leaving ``about`` for others to read.

        The kernel frees the lock when the process ends, however it ends. Raises AlreadyRunning.
        """
        with self.lock_file.open("r+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(self._who_runs()) from error
            handle.truncate(0)
            json.dump({"pid": os.getpid(), **about}, handle)
            handle.flush()
            yield

    def is_locked(self) -> bool:
        """Tell whether some process holds the folder now."""
        try:
            with self.lock_file.open("r") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def holder(self) -> dict[str, Any]:
        """Return what the last process that held the folder said about itself."""
        try:
            about: dict[str, Any] = json.loads(self.lock_file.read_text() or "{}")
        except (FileNotFoundError, ValueError):
            return {}
        return about

    def clear(self) -> None:
        """Delete everything in the folder. The caller holds the lock."""
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != self.lock_file:
                path.unlink()

    def _who_runs(self) -> str:
        holder = self.holder()
        what = f"process {holder['pid']}" if "pid" in holder else "another process"
        where = f" at {holder['url']}" if holder.get("url") else ""
        return (
            f"Winnow is already running here ({what}{where}, data in {self.root}). "
            "Stop it with Ctrl-C there, or set WINNOW_DATA to another folder."
        )


def write_private(path: Path, text: str) -> None:
    """Replace a file at once with one that only its user can read, and that survives a power cut."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
