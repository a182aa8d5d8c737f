"""Verify the seals of the ledger against its rows, and against seals that were handed out."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.models import Company
from tokens.management.companies import add_company_argument, get_company_id
from tokens.models import Seal
from tokens.selectors.seals import Damage, Difference, Verification, verify_seals

_PROGRESS_EVERY = 100


class Command(BaseCommand):
    """Exit 1 when anything differs, 2 when the question itself is wrong."""

    help = "Make every seal anew from the ledger's rows and compare; name each company's first seal that differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what can be asked for."""
        add_company_argument(parser)
        parser.add_argument(
            "--against",
            metavar="FILE",
            type=Path,
            help="Seals kept earlier: JSON with company, number and sha256, one object, a list, or what seal_ledger"
            " --json printed.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify company by company and report."""
        exported = _read_exported(options["against"]) if options["against"] else {}
        companies = Company.objects.filter(token_account__isnull=False).order_by("pk")
        if options["company"]:
            companies = companies.filter(pk=get_company_id(options["company"]))
            exported = {options["company"]: exported.get(options["company"], {})}
        results = {company.slug: self._verify(company, exported.get(company.slug, {})) for company in companies}
        results |= {slug: _missing(seals) for slug, seals in exported.items() if slug not in results and seals}
        if options["json"]:
            holds = all(result.difference is None for result in results.values())
            rows = [_describe(slug, result) for slug, result in results.items()]
            self.stdout.write(json.dumps({"holds": holds, "companies": rows}))
        else:
            for slug, result in results.items():
                self.stdout.write(f"{slug}: {_sentence(result)}")
        if any(result.difference for result in results.values()):
            raise SystemExit(1)

    def _verify(self, company: Company, exported: dict[int, str]) -> Verification:
        def report(seal: Seal) -> None:
            if seal.number % _PROGRESS_EVERY == 0:
                self.stderr.write(f"{company.slug}: {seal.number} seals read, up to {seal.company_day}")

        return verify_seals(company.pk, exported=exported, on_seal=report)


def _read_exported(path: Path) -> dict[str, dict[int, str]]:
    """Read seals kept earlier: SHA-256 by company and number."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        rows = document.get("seals", [document]) if isinstance(document, dict) else document
        exported: dict[str, dict[int, str]] = {}
        for row in rows:
            exported.setdefault(row["company"], {})[int(row["number"])] = str(row["sha256"]).lower()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandError(f"{path} is not JSON with company, number and sha256 of seals.", returncode=2) from error
    return exported


def _missing(exported: dict[int, str]) -> Verification:
    """Say that a company whose seals were handed out has no ledger any more."""
    number, sha256 = min(exported.items())
    return Verification(0, 0, None, Difference(number, Damage.SEAL_MISSING, f"it was exported as {sha256}"))


def _sentence(result: Verification) -> str:
    if result.difference is not None:
        found = result.difference
        return f"DIFFERS at seal {found.number}: {found.damage}. {found.detail[0].upper()}{found.detail[1:]}."
    if result.last is None:
        return "nothing is sealed yet."
    return f"{result.seals} seals hold over {result.entries} entries, up to {result.last.company_day}."


def _describe(slug: str, result: Verification) -> dict[str, object]:
    """Describe one company's outcome; ``last_seal`` may be kept and given to --against later."""
    last, found = result.last, result.difference
    return {
        "company": slug,
        "seals": result.seals,
        "entries": result.entries,
        "last_seal": last and {"company": slug, "number": last.number, "sha256": last.sha256},
        "difference": found and {"number": found.number, "damage": found.damage.value, "detail": found.detail},
    }
