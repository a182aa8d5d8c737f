import json
from argparse import ArgumentParser
from typing import Any

import environ
from django.core.management.base import BaseCommand

from config.demo.seed import describe, seed_demo
from config.demo.submit import submit_samples


class Command(BaseCommand):
    """Make the demo's data where they are missing."""

    help = "Make the demo company, its people and jobs; with --applications, the sample CVs apply as well."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print logins and addresses as one JSON document")
        parser.add_argument("--applications", action="store_true", help="let the sample CVs apply, once")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, then say who to sign in as."""
        company, logins = seed_demo()
        if options["applications"] and not company.applications.exists():
            submit_samples(company)
        document = describe(company, logins, environ.Env().str("PUBLIC_URL", default="http://127.0.0.1:8000"))
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        for login in logins:
            self.stdout.write(f"{login.role:15} {login.email:24} {login.password}")
