"""Remember which processes were started, and end those that a killed supervisor left behind."""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded.identity import boot_id, start_time

_GRACE_SECONDS = 10


@dataclass(frozen=True)
class Record:
    """One started process. Its number alone may be somebody else's by now, so its start time stands beside it."""

    pid: int
    started: str
    stop_signal: int

    def runs(self) -> bool:
        return start_time(self.pid) == self.started

    def left_a_group(self) -> bool:
        """Tell whether only the leader of the group has ended: a group keeps its number while it has a member."""
        return self.started.startswith(boot_id()) and start_time(self.pid) is None

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


class ProcessRecords:
    """One file per running process in the data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, pid: int, stop_signal: int) -> None:
        """Note that the process runs, unless it has ended already."""
        started = start_time(pid)
        if started:
            self._path(name).write_text(json.dumps(asdict(Record(pid, started, stop_signal))))

    def remove(self, name: str) -> None:
        """Note that it has ended."""
        self._path(name).unlink(missing_ok=True)

    def running(self) -> dict[str, Record]:
        """Return the recorded processes that still run, by name."""
        return {name: record for name, record in self._all().items() if record.runs()}

    def end_leftovers(self) -> list[str]:
        """End what an earlier supervisor left running, and return the names. The caller holds the folder's lock."""
        left = self.running()
        for record in left.values():
            record.signal(record.stop_signal)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        for name, record in self._all().items():
            if record.runs() or record.left_a_group():
                record.kill_group()
            self.remove(name)
        return sorted(left)

    def _all(self) -> dict[str, Record]:
        found = {path.stem: _read(path) for path in self._folder.glob("*.json")}
        return {name: record for name, record in found.items() if record}

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return None  # half-written when the power went: nothing of it runs any more
