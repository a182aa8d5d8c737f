"""Encrypt companies' own provider keys under the first of PROVIDER_KEYS_SECRETS."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ai_gateway.provider_keys import NoEncryptionKey, rotate_provider_keys


class Command(BaseCommand):
    """Exit 1 when a key is left that none of the secrets opens. Safe to stop and to run again."""

    help = "Encrypt companies' own provider keys anew, under the first of PROVIDER_KEYS_SECRETS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        parser.add_argument("--dry-run", action="store_true", help="Say what would be encrypted anew; write nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        """Rotate and report."""
        try:
            rotation = rotate_provider_keys(dry_run=dry_run)
        except NoEncryptionKey as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": dry_run, **asdict(rotation)}))
        else:
            done = "would be encrypted anew" if dry_run else "encrypted anew"
            self.stdout.write(f"{rotation.rotated} {done}, {rotation.current} were under the first secret already.")
            for key_id in rotation.unreadable:
                self.stdout.write(f"No secret opens {key_id}: its company has to enter the key again.")
        if rotation.unreadable:
            raise SystemExit(1)
