import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.embedded.errors import EmbeddedError, StopRequested, full_disk_explained
from config.embedded.preflight import check_platform

DEFAULT_PORT = 8000


class Command(BaseCommand):
    """Run all of Winnow on this machine.

    Works before there are settings: it makes the secrets and the database that settings ask for, and every
    program that needs Django is a child process.
    """

    help = "Run Winnow on this machine: database, broker, web server, worker, scheduler and AI sandbox."
    requires_system_checks: list[str] = []  # noqa: RUF012 - as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the web server (%(default)s)")
        parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
        parser.add_argument("--local-model", action="store_true", help="let a small model on this machine be the AI")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--reset", action="store_true", help="delete the demo's data and do nothing else")
        mode.add_argument("--once", action="store_true", help="process the sample CVs on throw-away data and report")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the mode that was asked for; an expected failure is told in a line and exits 1."""
        try:
            check_platform()
            with full_disk_explained():
                code = self._run(options)
        except EmbeddedError as error:
            self.stderr.write(self.style.ERROR(str(error)))
            code = 1
        sys.exit(code)

    def _run(self, options: dict[str, Any]) -> int:
        # Imported here: these modules need what only POSIX systems have, and check_platform says so readably.
        from config.embedded.demo import run_demo
        from config.embedded.environment import read_dotenv
        from config.embedded.folder_commands import reset
        from config.embedded.once import run_once

        read_dotenv()
        if options["reset"]:
            self.stdout.write(reset())
            return 0
        try:
            if options["once"]:
                return run_once()
            run_demo(port=options["port"], as_json=options["json"], with_local_model=options["local_model"])
        except StopRequested as request:
            # Being stopped is how a demo ends, but a report that was stopped is not there.
            return request.exit_code if options["once"] else 0
        return 0
