"""Seal the ledger by hand: what the schedule does every hour."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from tenants.models import Company
from tokens.management.companies import add_company_argument, get_company_id
from tokens.models import Seal
from tokens.selectors.seals import list_unsealed
from tokens.services.seals import seal_ledger


class Command(BaseCommand):
    """Exit 1 when a company could not be sealed."""

    help = "Seal each company's days that are over. The document of --json is what verify_ledger takes with --against."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        add_company_argument(parser)
        parser.add_argument("--today", action="store_true", help="Seal today's entries so far as well.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be sealed; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal and report."""
        company_id = get_company_id(options["company"]) if options["company"] else None
        if options["dry_run"]:
            self._forecast(company_id, include_today=options["today"], as_json=options["json"])
            return
        run = seal_ledger(company_id=company_id, include_today=options["today"])
        slugs = dict(Company.objects.filter(pk__in={seal.company_id for seal in run.seals}).values_list("pk", "slug"))
        if options["json"]:
            seals = [_describe(seal, slugs[seal.company_id]) for seal in run.seals]
            self.stdout.write(json.dumps({"seals": seals, "failed_company_ids": run.failed_company_ids}))
        else:
            for seal in run.seals:
                self.stdout.write(f"{slugs[seal.company_id]}: {seal}, balance {seal.balance_tokens}, {seal.sha256}")
            if not run.seals:
                self.stdout.write("Nothing to seal. A day is sealed when it is over; --today seals what it holds now.")
        if run.failed_company_ids:
            self.stderr.write(f"Not sealed, see the log: companies {run.failed_company_ids}")
            raise SystemExit(1)

    def _forecast(self, company_id: int | None, *, include_today: bool, as_json: bool) -> None:
        unsealed = list_unsealed(company_id=company_id, include_today=include_today)
        if as_json:
            rows = [
                {"company": row.company, "entries": row.entries, "first_day": row.first_day.isoformat()}
                for row in unsealed
            ]
            self.stdout.write(json.dumps({"dry_run": True, "unsealed": rows}))
            return
        for row in unsealed:
            self.stdout.write(f"{row.company}: {row.entries} entries since {row.first_day}")
        self.stdout.write("Dry run: nothing was written.")


def _describe(seal: Seal, company: str) -> dict[str, object]:
    return {
        "company": company,
        "number": seal.number,
        "company_day": seal.company_day.isoformat(),
        "closes_day": seal.closes_day,
        "entries": seal.entry_count,
        "balance_tokens": seal.balance_tokens,
        "sha256": seal.sha256,
    }
