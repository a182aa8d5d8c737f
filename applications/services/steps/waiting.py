"""Let steps go on that wait for tokens or for room under a cap, and end those that no worker survives."""

import structlog
from django.db import connection, transaction
from django.db.models import Min

from applications.models import Step, StepState
from applications.services.steps.claiming import MAX_CRASHES
from applications.services.steps.outcomes import fail_step
from applications.sql.steps import LIST_CRASHED_STEPS, RESUME_HELD_BACK, RESUME_WAITING_FOR_TOKENS
from billing.access import check_subscription
from tokens.selectors import list_balances

logger = structlog.get_logger(__name__)


def resume_waiting() -> int:
    """Queue the steps whose company can pay for them now, and those for which their job's cap has room; count them."""
    resumed = _resume_those_covered() + _resume_held_back()
    if resumed:
        logger.info("steps_resumed", count=resumed)
    return resumed


def _resume_those_covered() -> int:
    waiting = Step.objects.filter(state=StepState.WAITING_FOR_TOKENS).order_by().values_list("company_id")
    least_needed = dict(waiting.annotate(Min("needed_tokens")))
    balances = list_balances(least_needed) if least_needed else {}
    available = {
        company_id: balance.available_tokens
        for company_id, balance in balances.items()
        if balance.available_tokens >= max(1, least_needed[company_id]) and check_subscription(company_id) is None
    }
    return _resume_up_to(available) if available else 0


def _resume_up_to(available: dict[int, int]) -> int:
    parameters = {"company_ids": list(available), "available_tokens": list(available.values())}
    with connection.cursor() as cursor:
        cursor.execute(RESUME_WAITING_FOR_TOKENS, parameters)
        return int(cursor.rowcount)


def _resume_held_back() -> int:
    with connection.cursor() as cursor:
        cursor.execute(RESUME_HELD_BACK)
        return int(cursor.rowcount)


def fail_crashed_steps() -> int:
    """End the steps that took their workers down time and again, and count them."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LIST_CRASHED_STEPS, {"max_crashes": MAX_CRASHES})
            ids = [row[0] for row in cursor.fetchall()]
        for step in Step.objects.select_related("run").filter(pk__in=ids):
            fail_step(step, "crashed", f"The worker stopped in the middle of this step {MAX_CRASHES} times.")
    return len(ids)
