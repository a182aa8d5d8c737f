"""The real PostgreSQL and Valkey of the wheels, on a cluster made for these tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import redis

from config.embedded import unprivileged
from config.embedded.console import Console
from config.embedded.credentials import load_or_create
from config.embedded.data_folder import DataFolder
from config.embedded.errors import UnsupportedPlatform
from config.embedded.leftovers import ProcessRecords
from config.embedded.ports import PortBook
from config.embedded.postgres import Postgres
from config.embedded.services import Services, Starter
from config.embedded.supervisor import Supervisor
from tests.config.embedded_programs import wait_until


class Running(NamedTuple):
    folder: DataFolder
    records: ProcessRecords
    supervisor: Supervisor
    services: Services


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = DataFolder(tmp_path_factory.mktemp("services") / "data")
    folder.create()
    records = ProcessRecords(folder.run)
    console = Console()
    with Supervisor(records, console) as supervisor:
        services = Starter(supervisor, folder, console, durable=False).start({})
        yield Running(folder, records, supervisor, services)


def restart_after_kill(running: Running, name: str) -> None:
    killed = running.records.running()[name]
    killed.signal(signal.SIGKILL)
    while running.records.running().get(name) in (None, killed):
        running.supervisor.take_turn()


def test_product_role_uses_what_the_owner_makes(running: Running) -> None:
    with psycopg.connect(running.services.owner_url) as owner:
        owner.execute("CREATE TABLE used (id bigint GENERATED ALWAYS AS IDENTITY, note text)")
    with psycopg.connect(running.services.database_url) as product:
        product.execute("INSERT INTO used (note) VALUES ('hello')")
        assert product.execute("SELECT note FROM used").fetchall() == [("hello",)]


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id int)", "TRUNCATE owned", "ALTER TABLE owned ADD x int", "DROP TABLE owned"]
)
def test_product_role_may_not_change_tables(running: Running, statement: str) -> None:
    with psycopg.connect(running.services.owner_url) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS owned (id int)")
    with (
        psycopg.connect(running.services.database_url) as product,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        product.execute(statement)


def test_databases_that_the_owner_creates_serve_the_product_too(running: Running) -> None:
    with psycopg.connect(running.services.owner_url, autocommit=True) as owner:
        owner.execute("CREATE DATABASE another")
    with psycopg.connect(running.services.owner_url, dbname="another") as owner:
        owner.execute("CREATE TABLE used (id int)")
        owner.execute("SET ROLE winnow_app")
        assert owner.execute("SELECT count(*) FROM used").fetchone() == (0,)


def test_text_sorts_by_code_point_with_unicode_case(running: Running) -> None:
    with psycopg.connect(running.services.database_url) as product:
        assert product.execute("SELECT upper('żółć'), 'Z' < 'a', uuidv7() IS NOT NULL").fetchone() == (
            "ŻÓŁĆ",
            True,
            True,
        )


def test_killed_postgres_comes_back_with_its_rows(running: Running) -> None:
    with psycopg.connect(running.services.owner_url) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    restart_after_kill(running, "postgres")
    wait_until(lambda: accepts(running.services.owner_url))
    with psycopg.connect(running.services.owner_url) as owner:
        assert owner.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_killed_valkey_comes_back_with_its_keys(running: Running) -> None:
    with redis.Redis.from_url(running.services.redis_url) as client:
        client.set("kept", "42")
        client.execute_command("WAITAOF", 1, 0, 2000)
        restart_after_kill(running, "valkey")
        wait_until(lambda: pings(client))
        assert client.get("kept") == b"42"


def test_valkey_asks_for_the_password(running: Running) -> None:
    address = running.services.redis_url.replace(running.services.credentials.redis_password, "wrong")
    with redis.Redis.from_url(address) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_pid_file_whose_number_is_recycled_does_not_block_the_start(tmp_path: Path) -> None:
    postgres = Postgres(DataFolder(tmp_path), load_or_create(tmp_path / "credentials"), 5432, durable=True)
    postgres.folder.postgres.mkdir()
    pid_file = postgres.folder.postgres / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    postgres.program().before_start()
    assert not pid_file.exists()


def test_external_services_are_used_as_they_are(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    with Supervisor(ProcessRecords(folder.run), Console()) as supervisor:
        external = {"DATABASE_URL": "postgres://elsewhere/winnow", "REDIS_URL": "redis://elsewhere"}
        services = Starter(supervisor, folder, Console()).start(external)
        assert ProcessRecords(folder.run).running() == {}
    assert services.owner_url == services.database_url == "postgres://elsewhere/winnow"
    assert services.redis_url == "redis://elsewhere"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice")
@pytest.mark.parametrize("recipe", [unprivileged.IN_NAMESPACE, unprivileged.AS_NOBODY])
def test_root_may_change_its_way_to_run_postgres(
    running: Running, recipe: unprivileged.RunAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not unprivileged._works(recipe):
        pytest.skip(f"{recipe.prefix[0]} is not allowed here")
    monkeypatch.setattr(unprivileged, "choose", lambda: recipe)
    credentials = load_or_create(running.folder.root / "credentials.json")
    folder = DataFolder(running.folder.root / "again")
    folder.create()
    with Supervisor(ProcessRecords(folder.run), Console()) as supervisor:
        port = PortBook(folder.ports).port_for("postgres")
        postgres = Postgres(folder, credentials, port, durable=False)
        postgres.initialise(supervisor.run)
        supervisor.start(postgres.program())
        supervisor.run(postgres.roles_program())
        assert accepts(postgres.database_url())
    assert folder.postgres.stat().st_uid == recipe.owner


def accepts(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def pings(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.mark.parametrize("allowed", [unprivileged.IN_NAMESPACE, unprivileged.AS_NOBODY])
def test_root_takes_the_way_that_the_machine_allows(
    allowed: unprivileged.RunAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unprivileged.choose(works=lambda recipe: recipe == allowed) == allowed


def test_root_without_a_way_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UnsupportedPlatform, match="Run Winnow as an ordinary user, or set DATABASE_URL"):
        unprivileged.choose(works=lambda recipe: False)


def test_ordinary_user_runs_postgres_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged.choose() == unprivileged.RunAs((), owner=1000)
