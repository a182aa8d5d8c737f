"""How well holds fit what calls used, and bounds raised where they proved too low. A bound is never lowered.

Measured from the ledger: what was held against what was used, for calls that one attempt answered. How much of a hold
was bounded for the input is not kept, so what is concluded is the least that follows: if a call used ``e`` tokens more
than its bound, at most the whole output limit of them output, its input of ``i`` was bounded by ``i - e`` or less.
"""

from decimal import ROUND_CEILING, Decimal
from time import monotonic

import structlog
from django.db import connection

from ai_gateway.models import MAX_INPUT_FACTOR, ModelCalibration
from ai_gateway.routing import Route

logger = structlog.get_logger(__name__)

CACHE_SECONDS = 60.0
WINDOW_DAYS = 7
MIN_CALLS = 20  # below that, one odd answer would decide

# Calls are those since the bound was last raised: older ones say nothing of the bound in force. A factor follows from
# what one call in a hundred needs, so that a provider's single slip does not raise every later hold.
_MEASURE = """
    WITH sample AS (
        SELECT log.provider, log.model, hold.needed_tokens, hold.held_tokens, used.tokens AS used_tokens,
               log.input_tokens, used.tokens / hold.needed_tokens::numeric AS ratio,
               ceil((used.tokens - hold.needed_tokens) / log.weight) AS excess
        FROM tokens_usage_log log
        CROSS JOIN LATERAL (SELECT log.charged_tokens + log.own_key_tokens AS tokens) used
        JOIN tokens_hold hold ON hold.id = log.hold_id
        LEFT JOIN ai_gateway_model_calibration known ON known.provider = log.provider AND known.model = log.model
        WHERE log.id >= tokens_uuid_floor(clock_timestamp() - make_interval(days => %(days)s))
          AND log.started_at > coalesce(known.raised_at, '-infinity')
          AND log.kind = 'call' AND log.status = 'succeeded' AND log.usage_source = 'provider'
          AND log.attempt_number = 1 AND hold.state = 'settled' AND hold.needed_tokens > 0 AND log.weight > 0
    )
    SELECT provider, model, count(*),
           percentile_disc(0.5) WITHIN GROUP (ORDER BY ratio),
           percentile_disc(0.99) WITHIN GROUP (ORDER BY ratio),
           max(ratio),
           count(*) FILTER (WHERE used_tokens > held_tokens),
           percentile_disc(0.99) WITHIN GROUP (ORDER BY CASE
               WHEN excess <= 0 THEN 1
               WHEN excess >= input_tokens THEN %(most)s
               ELSE input_tokens / (input_tokens - excess)
           END)
    FROM sample GROUP BY provider, model
"""


def calibrate() -> int:
    """Measure every model that was called of late, and raise the bounds that proved too low; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE, {"days": WINDOW_DAYS, "most": MAX_INPUT_FACTOR})
        rows = cursor.fetchall()
    raised = 0
    for provider, model, calls, p50, p99, most, above_hold, needed_factor in rows:
        known, _created = ModelCalibration.objects.get_or_create(provider=provider, model=model)
        measured = {"calls": calls, "ratio_p50": p50, "ratio_p99": p99, "ratio_max": most, "above_hold": above_hold}
        raised += known.note(measured, needed_factor if calls >= MIN_CALLS else Decimal(1))
    forget_factors()
    return raised


def find_input_factor(route: Route) -> Decimal:
    """Return by how much to raise the bound of a model's input: 1 or more. Seen after ``CACHE_SECONDS``."""
    return _read_factors().get((route.provider, route.model), Decimal(1))


def raise_bound(tokens: int, factor: Decimal) -> int:
    """Return a bound raised by a factor, rounded up; never less than it was."""
    return max(tokens, int((tokens * factor).to_integral_value(rounding=ROUND_CEILING)))


def forget_factors() -> None:
    """Drop what this process remembers."""
    global _remembered
    _remembered = None


_remembered: tuple[dict[tuple[str, str], Decimal], float] | None = None


def _read_factors() -> dict[tuple[str, str], Decimal]:
    """Read the few that are more than 1."""
    global _remembered
    found = _remembered
    if found is None or monotonic() - found[1] > CACHE_SECONDS:
        rows = ModelCalibration.objects.filter(input_factor__gt=1).values_list("provider", "model", "input_factor")
        found = _remembered = ({(provider, model): factor for provider, model, factor in rows}, monotonic())
    return found[0]
