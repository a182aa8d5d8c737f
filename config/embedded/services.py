"""Bring up the database and the broker, and say where they are.

A ``DATABASE_URL`` or ``REDIS_URL`` in the environment takes the place of the embedded service.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from config.embedded.console import Console
from config.embedded.credentials import Credentials, load_or_create
from config.embedded.data_folder import DataFolder
from config.embedded.ports import PortBook
from config.embedded.postgres import Postgres
from config.embedded.supervisor import Supervisor
from config.embedded.tiktoken_ranks import unpack_ranks
from config.embedded.valkey import Valkey


@dataclass(frozen=True)
class Services:
    """Addresses of the running database and broker."""

    database_url: str
    owner_url: str
    redis_url: str
    credentials: Credentials

    def environment(self, folder: DataFolder) -> dict[str, str]:
        """Return what Winnow's settings need to use them, with the files of the data folder."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": os.environ.get("SECRET_KEY") or self.credentials.secret_key,
            "MEDIA_ROOT": os.environ.get("MEDIA_ROOT") or str(folder.media),
            "TIKTOKEN_CACHE_DIR": str(folder.tiktoken),
        }


@dataclass(frozen=True)
class Starter:
    """What starting a service needs."""

    supervisor: Supervisor
    folder: DataFolder
    console: Console
    durable: bool = True

    def start(self, environ: Mapping[str, str]) -> Services:
        """Start what the environment does not already name, and return the addresses."""
        credentials = load_or_create(self.folder.credentials)
        ports = PortBook(self.folder.ports)
        unpack_ranks(self.folder.tiktoken)
        database_url = environ.get("DATABASE_URL", "")
        owner_url = environ.get("DATABASE_OWNER_URL") or database_url
        if not database_url:
            database_url, owner_url = self._start_postgres(credentials, ports)
        redis_url = environ.get("REDIS_URL") or self._start_valkey(credentials, ports)
        return Services(database_url, owner_url, redis_url, credentials)

    def _start_postgres(self, credentials: Credentials, ports: PortBook) -> tuple[str, str]:
        with self.console.step("PostgreSQL"):
            postgres = Postgres(self.folder, credentials, ports.port_for("postgres"), durable=self.durable)
            postgres.initialise(self.supervisor.run)
            self.supervisor.start(postgres.program())
            self.supervisor.run(postgres.roles_program())
        return postgres.database_url(), postgres.owner_url()

    def _start_valkey(self, credentials: Credentials, ports: PortBook) -> str:
        with self.console.step("Valkey"):
            valkey = Valkey(self.folder, credentials, ports.port_for("valkey"))
            self.supervisor.start(valkey.program())
        return valkey.url()
