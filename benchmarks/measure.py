"""Measure the ledger on the database of the environment: ``benchmarks.ledger`` starts one and runs this on it.

Rounds are interleaved: each has every writer once, so that a machine that slows down slows all of them down.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg

from benchmarks.report import Measured, Run

_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_COMPANIES = 1000

Measurement = Callable[[int], tuple[float, float]]
"""Runs a writer with so many clients: pairs per second, and milliseconds of the clients' processor per pair."""


@dataclass(frozen=True)
class Writer:
    """Someone who writes pairs, and the number of clients to measure it with."""

    name: str
    companies: str
    clients: int
    measure: Measurement


def main() -> None:
    """Measure, and write what was found to standard output as JSON."""
    options = _parser().parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from benchmarks import audit, books  # these import models

    with (
        psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner,
        psycopg.connect(os.environ["BENCH_SUPERUSER_URL"], autocommit=True) as superuser,
        tempfile.TemporaryDirectory() as folder,
    ):
        _require_durable(owner)
        writers = list(_writers(owner, Path(folder), options))
        runs = list(_run_all(writers, options.rounds))
        _say(f"{options.audited_calls:,} settled calls, for the audit")
        books.write_settled_calls(superuser, books.make_companies(owner, _COMPANIES), options.audited_calls)
        superuser.execute("VACUUM ANALYZE")
        superuser.execute("CHECKPOINT")
        _say("audit")
        sys.stdout.write(Measured(tuple(runs), audit.measure()).to_json())


def _run_all(writers: list[Writer], rounds: int) -> Iterator[Run]:
    for number in range(1, rounds + 1):
        for writer in writers:
            pairs_per_second, cpu_ms = writer.measure(writer.clients)
            run = Run(writer.name, writer.companies, writer.clients, number, pairs_per_second, cpu_ms)
            _say(f"round {number} of {rounds}: {run.title}: {pairs_per_second:,.0f} pairs/s")
            yield run


def _writers(owner: psycopg.Connection, folder: Path, options: argparse.Namespace) -> Iterator[Writer]:
    """Make the companies, and yield what is measured on them, neighbours being what is compared."""
    from benchmarks import books, calls, clients, orm, pgbench, turns

    many, hot = books.make_companies(owner, _COMPANIES), books.make_companies(owner, 1)
    budgeted = books.make_companies(owner, _COMPANIES)
    books.make_budgets(owner, budgeted)
    owner.execute("ANALYZE")
    by_owner = {"USER": owner.info.user, "PASSWORD": owner.info.password}

    def python(pair: Callable[[int], None], companies: books.Companies, **database: str) -> Measurement:
        work = clients.Work(pair, companies.first, companies.last, options.seconds, database)
        return lambda count: clients.run(work, count)

    def by_row_lock(measurement: Measurement) -> Measurement:
        def measure(count: int) -> tuple[float, float]:
            with turns.plain_row_lock(owner):
                return measurement(count)

        return measure

    def by_pgbench(name: str, companies: books.Companies) -> Measurement:
        script = folder / f"{name}.sql"
        pgbench.write_script(script, companies.first, companies.last)
        return lambda count: pgbench.run(script, count, options.seconds)

    for count in (1, 8, 32):
        for name, companies in (("many", many), ("hot", hot)):
            yield Writer("winnow", name, count, python(calls.pair, companies))
            yield Writer("pgbench", name, count, by_pgbench(name, companies))
            if options.row_lock and name == "hot":
                yield Writer("winnow with a plain row lock", name, count, by_row_lock(python(calls.pair, companies)))
                yield Writer("pgbench with a plain row lock", name, count, by_row_lock(by_pgbench(name, companies)))
    yield Writer("winnow", "many, two budgets each", 8, python(calls.pair, budgeted))
    yield Writer("pgbench", "many, two budgets each", 8, by_pgbench("budgeted", budgeted))
    yield Writer("orm", "many", 8, python(orm.pair, many, **by_owner))


def _require_durable(owner: psycopg.Connection) -> None:
    """Refuse to measure a database that may lose what it has committed.

    Raises:
        RuntimeError: a setting is not PostgreSQL's durable one.
    """
    for name, wanted in _DURABLE.items():
        (found,) = owner.execute("SELECT current_setting(%s)", [name]).fetchone()
        if found != wanted:
            raise RuntimeError(f"{name} is {found}: only durable commits are measured.")


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each writer writes in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--row-lock", action="store_true", help="also without taking turns, for comparison")
    parser.add_argument("--audited-calls", type=int, default=1_000_000, help="settled calls that are audited")
    return parser


if __name__ == "__main__":
    main()
