"""Services in a temporary folder, gone with the command that they were started for."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.data_folder import DataFolder

_OLD_SECONDS = 60  # a folder this young may be another process's that has not locked it yet


@contextmanager
def throwaway_folder() -> Iterator[DataFolder]:
    """Make a locked data folder, and delete it at the end along with those that killed commands left."""
    sweep_abandoned()
    folder = DataFolder(Path(tempfile.mkdtemp(prefix=_prefix())))
    try:
        folder.create()
        with folder.locked():
            yield folder
    finally:
        shutil.rmtree(folder.root)


def sweep_abandoned() -> None:
    """Delete this user's throw-away folders that no process holds any more."""
    for root in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        folder = DataFolder(root)
        is_old = time.time() - root.stat().st_mtime > _OLD_SECONDS
        if is_old and folder.lock_file.exists() and not folder.is_locked():
            shutil.rmtree(root, ignore_errors=True)


def _prefix() -> str:
    return f"winnow-throwaway-{os.geteuid()}-"
