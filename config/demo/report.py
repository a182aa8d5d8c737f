"""What a run of all samples came to: application by application, company by company, law by law."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from applications.models import CV, Application, ApplicationStatus, Run, Step, StepState
from config.demo.samples import SCREENED, Sample
from config.demo.submit import Submission
from tenants.models import Company
from tokens.models import Hold, HoldState, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_tracking

_ENDED = {StepState.SUCCEEDED, StepState.FAILED, StepState.BLOCKED}


@dataclass(frozen=True)
class SampleReport:
    """One sample: what was expected, what happened, and what each step took."""

    file: str
    candidate: str
    job: str
    expected: str
    outcome: str
    as_expected: bool
    message: str
    application_id: str | None
    score: int | None
    charged_tokens: int
    seconds: float | None
    steps: list[dict[str, Any]]


def wait_for_work(company: Company, *, timeout_seconds: float, tell: Callable[[str], None]) -> bool:
    """Wait until no step of the company is left to do; returns False when that takes too long."""
    deadline = time.monotonic() + timeout_seconds
    said = ""
    while True:
        steps = list(Step.objects.filter(company=company).values_list("state", flat=True))
        running = any(state not in _ENDED for state in steps)
        done = sum(state in {StepState.SUCCEEDED, StepState.FAILED} for state in steps)
        if (line := f"{done} of {len(steps)} steps done") != said:
            tell(said := line)
        if not running:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)


def build_report(
    company: Company, submissions: Sequence[Submission], *, balance_before: int, finished: bool, seconds: float
) -> dict[str, Any]:
    """Put the document together; ``ok`` when every sample ended as expected and every law holds."""
    samples = [_report_sample(submission) for submission in submissions]
    checks = audit_tracking()
    balance = get_balance(company.pk)
    charged = sum(sample.charged_tokens for sample in samples)
    ok = (
        finished
        and all(sample.as_expected for sample in samples)
        and all(check.holds for check in checks)
        and balance_before - balance.available_tokens == charged
        and not Hold.objects.filter(state=HoldState.OPEN).exists()
    )
    return {
        "ok": ok,
        "finished": finished,
        "seconds": round(seconds, 2),
        "applications": [asdict(sample) for sample in samples],
        "companies": [
            {
                "company": company.slug,
                "balance_before": balance_before,
                "balance_after": balance.available_tokens,
                "charged_tokens": charged,
                "balance": {**asdict(balance), "expiring_at": _iso(balance.expiring_at)},
            }
        ],
        "laws": [
            {"law": check.law, "check": check.name, "rule": check.rule, "holds": check.holds, "found": check.found}
            for check in checks
        ],
    }


def _report_sample(submission: Submission) -> SampleReport:
    sample, application = submission.sample, submission.application
    if application is None:
        outcome = f"refused_at_upload:{submission.refusal_code}"
        return _row(sample, outcome, message=submission.refusal_message)
    application.refresh_from_db()
    run = application.runs.prefetch_related("steps").order_by("number").last()
    steps = list(run.steps.all()) if run else []
    logs = {log.step_id: log for log in UsageLog.objects.filter(application_id=application.pk, status="succeeded")}
    return _row(
        sample,
        _outcome(application, application.cv, steps),
        message=application.cv.error_message or _first_error(steps),
        application=application,
        seconds=_seconds(run, steps),
        steps=[_step(step, logs.get(step.pk)) for step in steps],
        charged_tokens=sum(
            UsageLog.objects.filter(application_id=application.pk).values_list("charged_tokens", flat=True)
        ),
    )


def _row(
    sample: Sample, outcome: str, *, message: str, application: Application | None = None, **found: Any
) -> SampleReport:
    return SampleReport(
        **{
            "file": sample.file_name,
            "candidate": sample.candidate_name,
            "job": sample.job,
            "expected": sample.expected,
            "outcome": outcome,
            "as_expected": outcome == sample.expected,
            "message": message,
            "application_id": str(application.pk) if application else None,
            "score": application.score if application else None,
            "charged_tokens": 0,
            "seconds": None,
            "steps": [],
            **found,
        }
    )


def _outcome(application: Application, cv: CV, steps: Sequence[Step]) -> str:
    if cv.error_code:
        return f"extraction_failed:{cv.error_code}"
    failed = next((step for step in steps if step.state == StepState.FAILED), None)
    if failed is not None:
        return f"failed:{failed.operation}:{failed.error_code}"
    return SCREENED if application.status == ApplicationStatus.SCREENED else application.status


def _first_error(steps: Sequence[Step]) -> str:
    return next((step.error_message for step in steps if step.error_message), "")


def _step(step: Step, log: UsageLog | None) -> dict[str, Any]:
    return {
        "operation": step.operation,
        "state": step.state,
        "model": step.model,
        "input_tokens": log.input_tokens if log else 0,
        "output_tokens": log.output_tokens if log else 0,
        "charged_tokens": log.charged_tokens if log else 0,
        "seconds": round(log.duration_ms / 1000, 3) if log and log.duration_ms is not None else None,
        "attempts": step.attempts,
        "error": step.error_code or None,
    }


def _seconds(run: Run | None, steps: Sequence[Step]) -> float | None:
    """Return the time from the application's arrival to its last step's end."""
    ends = [step.finished_at for step in steps if step.finished_at]
    return round((max(ends) - run.created_at).total_seconds(), 2) if run and ends else None


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
