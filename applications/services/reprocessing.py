"""Run AI results again that no usage log stands behind (requirement A7): metered this time."""

from collections.abc import Sequence

from applications.errors import RunUnderWay
from applications.models import Application, Operation
from applications.services.runs import start_run
from tokens.selectors.audit import Finding

REASON = "A result had no usage log."


def reprocess_unlogged(findings: Sequence[Finding], _actor_id: int | None) -> int:
    """Screen the applications anew whose results were not metered; returns how many. One under way is left alone.

    The results without a usage log are kept with their run; the latest run is what counts.
    """
    started = 0
    applications = Application.objects.filter(pk__in={finding.subject for finding in findings})
    for application in applications.select_related("job"):
        latest = application.runs.order_by("number").last()
        number = 1 if latest is None else latest.number + 1
        try:
            start_run(
                application=application, acting=None, number=number, reason=REASON, from_operation=Operation.CV_PARSE
            )
        except RunUnderWay:
            continue
        started += 1
    return started
