import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from applications.services.reprocessing import reprocess_unlogged
from tenants.models import Company
from tokens.selectors.audit import CheckResult, audit_tracking
from tokens.services.repairs import find_repair

REPROCESSED = "ai_results_have_usage"


@dataclass(frozen=True)
class Row:
    """One check: what was found, what was done about it, and what is left."""

    law: int
    check: str
    rule: str
    found: int
    repaired: int
    left: int
    action: str
    examples: Sequence[dict[str, Any]]


class Command(BaseCommand):
    """Audit every rule of tracking and mend what can be mended."""

    help = (
        "Check the laws of the ledger, and that every company, application and AI result is tracked; repair what can "
        "be repaired by new rows. Exits 1 when something was found and not repaired. Safe while traffic flows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--company", metavar="SLUG", help="one company instead of all")
        parser.add_argument("--dry-run", action="store_true", help="report what would be repaired, change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON document; progress goes to stderr")
        parser.add_argument("--every-row", action="store_true", help="also join tables whose sums agree; much slower")
        parser.add_argument("--reprocess-ai", action="store_true", help="run AI results without a usage log again")
        parser.add_argument("--limit", type=int, default=1000, help="repair at most so many of each kind (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Audit, repair, audit again, report."""
        company_id = self._company_id(options["company"])
        before = self._audit("Checking", company_id, options)
        done = {} if options["dry_run"] else self._repair(before, reprocess=options["reprocess_ai"])
        after = self._audit("Checking again", company_id, options) if done else before
        rows = [_row(found, left, done.get(found.name), options) for found, left in zip(before, after, strict=True)]
        if options["json"]:
            self.stdout.write(json.dumps(_document(rows, options), indent=2))
        else:
            self._print(rows)
        if any(row.left for row in rows):
            sys.exit(1)

    def _company_id(self, slug: str | None) -> int | None:
        if slug is None:
            return None
        company = Company.objects.filter(slug=slug).first()
        if company is None:
            raise CommandError(f"There is no company {slug!r}. The slug is the part after /c/ in its address.")
        return company.pk

    def _audit(self, what: str, company_id: int | None, options: dict[str, Any]) -> list[CheckResult]:
        self.stderr.write(f"{what} …")
        return audit_tracking(company_id=company_id, examples=options["limit"], every_row=options["every_row"])

    def _repair(self, results: Sequence[CheckResult], *, reprocess: bool) -> dict[str, int]:
        """Repair what was found; returns how many per check that has a repair."""
        done: dict[str, int] = {}
        for result in results:
            repair = find_repair(result.name)
            if result.name == REPROCESSED and reprocess:
                repair = reprocess_unlogged
            if result.found and repair is not None:
                self.stderr.write(f"Repairing {result.name}: {result.found} found …")
                done[result.name] = repair(result.examples, None)
        return done

    def _print(self, rows: Sequence[Row]) -> None:
        for row in rows:
            mark = self.style.SUCCESS("ok  ") if not row.left else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark} law {row.law}  {row.check}: {row.found} found, {row.repaired} repaired")
            for example in row.examples[:5]:
                self.stdout.write(f"       {example['subject']}: {example['detail']}")


def _row(found: CheckResult, left: CheckResult, repaired: int | None, options: dict[str, Any]) -> Row:
    return Row(
        law=found.law,
        check=found.name,
        rule=found.rule,
        found=found.found,
        repaired=repaired or 0,
        left=left.found,
        action=_action(found, left, options),
        examples=[asdict(example) for example in found.examples[:20]],
    )


def _action(found: CheckResult, left: CheckResult, options: dict[str, Any]) -> str:
    if found.holds:
        return "none"
    is_reprocessed = found.name == REPROCESSED and options["reprocess_ai"]
    if find_repair(found.name) is None and not is_reprocessed:
        return "needs_a_person"
    if options["dry_run"]:
        return "would_repair"
    return "repaired" if left.holds else "repaired_in_part"


def _document(rows: Sequence[Row], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "company": options["company"],
        "dry_run": options["dry_run"],
        "ok": not any(row.left for row in rows),
        "checks": [asdict(row) for row in rows],
    }
