import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.demo.report import build_report, wait_for_work
from config.demo.seed import seed_demo
from config.demo.submit import submit_samples
from tokens.selectors import get_balance


class Command(BaseCommand):
    """Send every sample CV through the running worker and report what came of it."""

    help = (
        "Let every sample CV apply, wait for the worker, and print what each took and whether the laws hold. "
        "Exits 1 when a sample did not end as expected or a law is broken. Needs a worker and a provider."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document; progress goes to stderr")
        parser.add_argument("--timeout", type=float, default=300, help="seconds to wait for the work (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, submit, wait, report."""
        company, _ = seed_demo()
        before, began = get_balance(company.pk).available_tokens, time.monotonic()
        self.stderr.write("Submitting the sample CVs …")
        submissions = submit_samples(company)
        finished = wait_for_work(company, timeout_seconds=options["timeout"], tell=self.stderr.write)
        seconds = time.monotonic() - began
        report = build_report(company, submissions, balance_before=before, finished=finished, seconds=seconds)
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._print(report)
        if not report["ok"]:
            sys.exit(1)

    def _print(self, report: dict[str, Any]) -> None:
        for sample in report["applications"]:
            mark = self.style.SUCCESS("ok  ") if sample["as_expected"] else self.style.ERROR("FAIL")
            score = "" if sample["score"] is None else f"score {sample['score']}, "
            self.stdout.write(
                f"{mark} {sample['file']}: {sample['outcome']} ({score}{sample['charged_tokens']} tokens)"
            )
        broken = [law["check"] for law in report["laws"] if not law["holds"]]
        self.stdout.write(f"Laws broken: {', '.join(broken) or 'none'}")
