"""A PostgreSQL of the tests' own, to be stopped in the middle of its work and started again.

Its commits wait for the disk, and its WAL writer sleeps: what was not flushed when a reply went out is lost with the
server, every time, where it would mostly have been written in time by luck.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection

from config.embedded.credentials import load_or_create
from config.embedded.ports import PortBook
from config.embedded.postgres import Postgres, binary
from config.embedded.processes import Child, Program
from config.embedded.throwaway import throwaway_folder
from tests.conftest import empty_database
from tests.tokens.proof.waiting import wait_until

_SETTINGS = {"wal_writer_delay": "10s"}


class OwnServer:
    """A server with the tables of the test database, empty."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._child: Child | None = None

    @property
    def database(self) -> dict[str, Any]:
        """What differs in Django's settings for a connection to it."""
        return {
            "NAME": "winnow",
            "USER": "winnow_owner",
            "PASSWORD": self._postgres.credentials.owner_password,
            "HOST": "127.0.0.1",
            "PORT": str(self._postgres.port),
        }

    def start(self) -> None:
        """Start it, and recover what it was stopped in."""
        program = self._postgres.program()
        self._child = Child(program)
        wait_until(program.is_ready, what="the server")

    def stop_immediately(self) -> None:
        """Stop it as ``pg_ctl stop -m immediate`` does: no transaction ends, nothing more is written."""
        self._signal(signal.SIGQUIT)
        wait_until(lambda: self._child and self._child.exit_code() is not None, what="the end of the server")

    def restart_immediately(self) -> None:
        """Stop it so and start it again; connections of this process notice nothing until they are used."""
        self.stop_immediately()
        self.start()
        connection.close()

    def set(self, **settings: str) -> None:
        """Set what it reads from its configuration file, by way of a signal if it runs."""
        with (self._postgres.folder.postgres / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        if self._child is not None:
            self._signal(signal.SIGHUP)

    def copy_schema(self) -> None:
        """Make the tables and functions that the test database has."""
        _run(self._postgres.roles_program())
        theirs = connection.settings_dict
        dump = subprocess.run(
            [
                binary("pg_dump"),
                "--schema-only",
                "--no-owner",
                "--no-privileges",
                f"--host={theirs['HOST']}",
                f"--port={theirs['PORT']}",
                f"--username={theirs['USER']}",
                theirs["NAME"],
            ],
            env=os.environ | {"PGPASSWORD": theirs["PASSWORD"]},
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [binary("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", self._postgres.owner_url()],
            # The product's role has no business here; new tables give it rights by default.
            input=dump.stdout + b"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM winnow_app;",
            check=True,
            capture_output=True,
        )

    def _signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        os.kill(self._child.pid, number)


@contextmanager
def running_server() -> Iterator[OwnServer]:
    """Run a server of its own, with the tables of the test database, until the block ends."""
    with throwaway_folder() as folder:
        port = PortBook(folder.ports).port_for("postgres")
        postgres = Postgres(folder, load_or_create(folder.credentials), port, durable=True)
        postgres.initialise(_run)
        server = OwnServer(postgres)
        server.set(**_SETTINGS)
        server.start()
        try:
            server.copy_schema()
            yield server
        finally:
            server.stop_immediately()


@contextmanager
def connected_to(server: OwnServer) -> Iterator[None]:
    """Let this process's connections lead to a server, whose tables are emptied afterwards."""
    usual = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(server.database)
    try:
        yield
        empty_database()
    finally:
        connection.close()
        connection.settings_dict.update(usual)


def changed_for(settings: Mapping[str, Any], options: str) -> dict[str, Any]:
    """Return a child's settings with options for its session of the database, in libpq's form."""
    database = settings["DATABASE"]
    return {**settings, "DATABASE": {**database, "OPTIONS": {**database["OPTIONS"], "options": options}}}


def _run(program: Program) -> None:
    subprocess.run(program.command, env=dict(program.environment), check=True, capture_output=True)
