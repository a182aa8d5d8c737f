"""Load current model prices into the price book."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.errors import PriceExists
from billing.management.arguments import parse_model, parse_moment
from billing.services.price_book import PriceSync, sync_prices

WORDS = {
    "added": "new price",
    "unchanged": "unchanged",
    "overridden": "kept: staff set this price",
    "not_listed": "kept: not in the price list",
    "unpriced": "NOT PRICED: in neither the price list nor the price book",
}


class Command(BaseCommand):
    """Exit 1 when a model stays without any price."""

    help = "Load the current prices of models from the installed genai-prices package; works offline."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("models", nargs="*", metavar="provider/model", help="Default: the models in the settings.")
        parser.add_argument("--effective-from", metavar="TIME", help="ISO 8601 with its offset. Default: now.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be written; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *, models: list[str], dry_run: bool, **options: Any) -> None:
        """Sync and report."""
        moment = parse_moment("--effective-from", options["effective_from"]) if options["effective_from"] else None
        wanted = _checked(models) or _list_configured()
        try:
            results = sync_prices(wanted, effective_from=moment, dry_run=dry_run)
        except PriceExists as error:
            raise CommandError(f"{error}. Choose another --effective-from.") from error
        if options["json"]:
            document = {"dry_run": dry_run, "models": [asdict(result) for result in results]}
            self.stdout.write(json.dumps(document, default=str))
        else:
            self._print(results, dry_run=dry_run)
        if any(result.outcome == "unpriced" for result in results):
            raise SystemExit(1)

    def _print(self, results: list[PriceSync], *, dry_run: bool) -> None:
        for result in results:
            self.stdout.write(f"{result.provider}/{result.model}: {WORDS[result.outcome]}")
            for change in result.changes:
                self.stdout.write(f"  {change}")
            for note in result.not_modelled:
                self.stdout.write(f"  not modelled: {note}")
        if dry_run:
            self.stdout.write("Dry run: nothing was written.")


def _list_configured() -> list[str]:
    """List the models in the settings, those to fall back to included."""
    return [model.strip() for chain in settings.AI_MODELS.values() for model in chain.split(",") if model.strip()]


def _checked(models: list[str]) -> list[str]:
    for model in models:
        parse_model(model)
    return models
