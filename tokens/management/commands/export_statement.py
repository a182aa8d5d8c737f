"""Write a company's statement to a file that it can verify by itself."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tokens.management.companies import add_company_argument, get_company_id
from tokens.periods import Period
from tokens.statement_files import write_csv, write_json_lines

_WRITERS = {"csv": write_csv, "jsonl": write_json_lines}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is no date such as 2026-11-30") from error


class Command(BaseCommand):
    """Write the file whole or not at all."""

    help = "Export a company's statement with its seals; docs/verify-a-statement.md says how to verify it offline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        add_company_argument(parser, required=True)
        parser.add_argument("--from", dest="first", type=_day, required=True, help="First day, in the company's zone.")
        parser.add_argument("--to", dest="last", type=_day, required=True, help="Last day, included.")
        parser.add_argument("--format", choices=_WRITERS, help="Default: as the name of --out ends, else csv.")
        parser.add_argument("--out", metavar="FILE", type=Path, help="Default: standard output.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the statement."""
        out: Path | None = options["out"]
        period = Period(options["first"], options["last"])
        if period.last < period.first:
            raise CommandError("--to is before --from.", returncode=2)
        suffix = out.suffix.removeprefix(".") if out else ""
        write = _WRITERS[options["format"] or (suffix if suffix in _WRITERS else "csv")]
        lines = write(get_company_id(options["company"]), period)
        if out is None:
            for line in lines:
                self.stdout.write(line, ending="")
        else:
            _write_file(out, lines)


def _write_file(path: Path, lines: Iterator[str]) -> None:
    """Write beside and rename, so that a file cut short never bears the statement's name."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        draft.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error
    finally:
        draft.unlink(missing_ok=True)
