"""``make bench-ledger``: pairs of hold and settlement per second, and the audit, on a database of its own.

Starts a throw-away PostgreSQL that is as durable as a real one, runs ``benchmarks.measure`` on it as the product's
role, and prints a table and, last, one line of JSON.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from benchmarks.report import Measured, ratios, table
from config.embedded.application import Application
from config.embedded.console import Console
from config.embedded.data_folder import DataFolder
from config.embedded.errors import EmbeddedError, StopRequested
from config.embedded.leftovers import ProcessRecords
from config.embedded.postgres import SUPERUSER
from config.embedded.preflight import check_platform
from config.embedded.processes import Program
from config.embedded.services import Services, Starter
from config.embedded.supervisor import Supervisor
from config.embedded.throwaway import throwaway_folder

_NO_BROKER = {"REDIS_URL": "redis://127.0.0.1:1/0"}  # named, so that none is started; nothing here asks for one


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        check_platform()
        measured = _measure(options)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except StopRequested as request:
        return request.exit_code
    sys.stdout.write(f"{table(measured)}\n{json.dumps(ratios(measured))}\n")
    return 0


def _measure(options: argparse.Namespace) -> Measured:
    console = Console()
    with throwaway_folder() as folder, Supervisor(ProcessRecords(folder.run), console) as supervisor:
        services = Starter(supervisor, folder, console, durable=True).start(_NO_BROKER)
        environment = _environment(services, folder)
        with console.step("Tables"):
            supervisor.run(Application(folder, environment).migrate())
        result = folder.root / "measured.json"
        supervisor.run(
            Program(
                name="measure",
                command=[sys.executable, "-m", "benchmarks.measure", *_options(options)],
                environment=environment,
                log=folder.logs / "measure.log",
                stdout=result,
                show_errors=True,
            )
        )
        return Measured.from_json(result.read_text())


def _environment(services: Services, folder: DataFolder) -> dict[str, str]:
    superuser = f"{SUPERUSER}:{services.credentials.superuser_password}"
    server = urlsplit(services.owner_url)
    return {
        **os.environ,
        **services.environment(folder),
        "WINNOW_DATA": str(folder.root),
        "BENCH_SUPERUSER_URL": f"postgres://{superuser}@{server.hostname}:{server.port}{server.path}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
    }


def _options(options: argparse.Namespace) -> list[str]:
    seconds, rounds, calls = (1.0, 1, 50_000) if options.quick else (2.0, 3, 1_000_000)
    return [
        f"--seconds={options.seconds or seconds}",
        f"--rounds={options.rounds or rounds}",
        f"--audited-calls={options.audited_calls or calls}",
        *(["--row-lock"] if options.row_lock else []),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five: one short round, fewer rows")
    parser.add_argument("--seconds", type=float, help="how long each writer writes in each round (2; quick: 1)")
    parser.add_argument("--rounds", type=int, help="how often each writer has its turn (3; quick: 1)")
    parser.add_argument("--audited-calls", type=int, help="settled calls that are audited (1,000,000; quick: 50,000)")
    parser.add_argument("--row-lock", action="store_true", help="also measure a hot company without taking turns")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
