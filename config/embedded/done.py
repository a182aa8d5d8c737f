"""What earlier starts have prepared in a data folder, and from which sources."""

import json
from pathlib import Path

from config.embedded.data_folder import write_private


class WorkDone:
    """Remembers, for each piece of work, the fingerprint of the sources that it was done from."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def has(self, work: str, fingerprint: str) -> bool:
        """Tell whether the work was done from these very sources."""
        return self._done.get(work) == fingerprint

    def note(self, work: str, fingerprint: str) -> None:
        """Remember that the work is done."""
        self._done[work] = fingerprint
        write_private(self._path, json.dumps(self._done))
