"""Correct what calls are taken to have cost, where the price book of their time says otherwise."""

import json
import signal
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.management.arguments import parse_model, parse_moment
from billing.selectors import get_database_time
from billing.services.rerating import RatedPeriod, Rerating, rerate
from tokens.management.companies import add_company_argument, get_company_id


class Command(BaseCommand):
    """Exit 1 when calls are left that no price is known for, or that another run corrects, or when stopped; 2 when the
    question itself is wrong."""

    help = "Post corrections for calls of a model whose cost differs from the price book in force when they started."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("--model", required=True, metavar="provider/model")
        parser.add_argument("--from", required=True, dest="starts_at", metavar="TIME", help="ISO 8601 with its offset.")
        parser.add_argument("--to", dest="ends_at", metavar="TIME", help="The first moment left out. Default: now.")
        add_company_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="Say what would be corrected; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        """Re-rate and report."""
        period = _parse_period(options)
        stopped = Event()
        previous = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        try:
            result = rerate(period, dry_run=dry_run, is_stopped=stopped.is_set, on_batch=self._show_progress)
        finally:
            signal.signal(signal.SIGTERM, previous)
        if options["json"]:
            document = {"dry_run": dry_run, "stopped": stopped.is_set(), **asdict(result)}
            self.stdout.write(json.dumps(document, default=str))
        else:
            self._print(result, dry_run=dry_run, stopped=stopped.is_set())
        if stopped.is_set() or not result.is_complete:
            raise SystemExit(1)

    def _show_progress(self, so_far: Rerating) -> None:
        self.stderr.write(f"{so_far.calls:,} calls read, {so_far.corrected:,} to correct", ending=_LINE_END)

    def _print(self, result: Rerating, *, dry_run: bool, stopped: bool) -> None:
        corrected = "would be corrected" if dry_run else "corrected"
        self.stdout.write(f"{result.calls:,} calls, {result.corrected:,} {corrected}.")
        self.stdout.write(f"Provider cost {result.cost_delta_usd:+f} USD, sale {result.sale_delta_usd:+f} USD.")
        if result.unpriced:
            self.stdout.write(f"{result.unpriced:,} stay as they are: no price is known for them.")
        if result.reconciled:
            self.stdout.write(f"{result.reconciled:,} stay as they are: reconciled with the provider's books.")
        if result.contested:
            self.stdout.write(f"{result.contested:,} are being corrected by another run. Run this again.")
        if stopped:
            self.stdout.write("Stopped before the end. Run this again for the rest.")


_LINE_END = "\r" if sys.stderr.isatty() else "\n"


def _parse_period(options: dict[str, Any]) -> RatedPeriod:
    provider, model = parse_model(options["model"])
    starts_at = parse_moment("--from", options["starts_at"])
    ends_at = parse_moment("--to", options["ends_at"]) if options["ends_at"] else get_database_time()
    if ends_at <= starts_at:
        raise CommandError("--to must be after --from.", returncode=2)
    company_id = get_company_id(options["company"]) if options["company"] else None
    return RatedPeriod(provider=provider, model=model, starts_at=starts_at, ends_at=ends_at, company_id=company_id)
