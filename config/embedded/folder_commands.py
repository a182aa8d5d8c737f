"""Look at the data folder, and clear it."""

from config.embedded.data_folder import DataFolder
from config.embedded.leftovers import ProcessRecords


def status() -> tuple[bool, str]:
    """Return whether Winnow runs on the data folder, and a description for people."""
    folder = DataFolder.from_environment()
    if not folder.is_locked():
        return False, f"Winnow is not running on {folder.root}."
    holder = folder.holder()
    lines = [f"Winnow is running on {folder.root} (supervisor: process {holder.get('pid', 'unknown')})."]
    if holder.get("url"):
        lines.append(f"Address: {holder['url']}")
    lines += [f"  {name:<12} process {record.pid}" for name, record in ProcessRecords(folder.run).running().items()]
    return True, "\n".join(lines)


def reset() -> str:
    """Delete everything in the data folder, if it is ours. Raises AlreadyRunning."""
    folder = DataFolder.from_environment()
    if not folder.is_ours():
        return f"There are no data of Winnow's in {folder.root}."
    with folder.locked():
        ProcessRecords(folder.run).end_leftovers()
        folder.clear()
    return f"Deleted the data in {folder.root}."
