"""A PostgreSQL of one test's own, to be stopped in the middle of its work and started again."""

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
from tests.tokens.proof.waiting import wait_until


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
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGQUIT)
        wait_until(lambda: self._child and self._child.exit_code() is not None, what="the end of the server")
        self._child.kill_group()

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


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Run a server of its own, with empty tables, until the block ends."""
    with throwaway_folder() as folder:
        port = PortBook(folder.ports).port_for("postgres")
        postgres = Postgres(folder, load_or_create(folder.credentials), port, durable=False)
        postgres.initialise(_run)
        server = OwnServer(postgres)
        server.start()
        try:
            server.copy_schema()
            with connected_to(server.database):
                yield server
        finally:
            server.stop_immediately()


@contextmanager
def connected_to(database: Mapping[str, Any]) -> Iterator[None]:
    """Let this process's connection lead to another database."""
    usual = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(database)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)


def _run(program: Program) -> None:
    subprocess.run(program.command, env=dict(program.environment), check=True, capture_output=True)
