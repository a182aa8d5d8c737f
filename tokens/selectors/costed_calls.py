"""Calls with what they used and what they are taken to have cost, their corrections included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

_NO_ID = UUID(int=0)

# Calls whose usage was counted and is the platform's to pay. A row is written after its call has started, so that
# partitions from before the period are not read.
_CALLS = """
    SELECT log.id, log.company_id, log.operation, log.started_at, log.service_tier, log.media_seconds,
           log.input_uncached_tokens, log.cache_read_tokens, log.cache_write_short_tokens, log.cache_write_long_tokens,
           log.input_audio_tokens, log.input_image_tokens, log.output_tokens, log.output_reasoning_tokens,
           log.output_audio_tokens, log.output_image_tokens, log.tool_requests, log.charged_tokens, log.margin_percent,
           coalesce(log.provider_cost_usd + coalesce(fix.cost_usd, 0), fix.cost_usd),
           coalesce(log.sale_value_usd + coalesce(fix.sale_usd, 0), fix.sale_usd),
           fix.reratings, fix.reconciliations > 0, fix.refunded_tokens
    FROM tokens_usage_log log, LATERAL (
        SELECT count(*) FILTER (WHERE own.kind = 'rerating') AS reratings,
               count(*) FILTER (WHERE own.kind = 'reconciliation') AS reconciliations,
               sum(own.provider_cost_usd) FILTER (WHERE own.kind = 'rerating') AS cost_usd,
               sum(own.sale_value_usd) FILTER (WHERE own.kind = 'rerating') AS sale_usd,
               coalesce(-sum(own.charged_tokens) FILTER (WHERE own.kind = 'refund'), 0)::bigint AS refunded_tokens
        FROM tokens_usage_log own WHERE own.hold_id = log.hold_id AND own.corrects_id = log.id
    ) fix
    WHERE log.kind = 'call' AND log.provider = %(provider)s AND log.model = %(model)s
      AND log.started_at >= %(starts_at)s AND log.started_at < %(ends_at)s
      AND log.id >= tokens_uuid_floor(%(starts_at)s) AND log.id > %(after)s
      AND log.status IN ('succeeded', 'failed') AND log.usage_source <> 'none' AND log.key_owner = 'platform'
      AND (%(company_id)s::bigint IS NULL OR log.company_id = %(company_id)s)
    ORDER BY log.id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class CostedCall:
    """One call; ``cost_usd`` and ``sale_usd`` are sums over the row and its re-ratings, None when nothing is known.

    What a refund gave back is left out of ``sale_usd`` and told by ``refunded_tokens``.
    """

    id: UUID
    company_id: int
    operation: str
    started_at: datetime
    service_tier: str
    media_seconds: Decimal | None
    input_uncached: int
    cache_read: int
    cache_write_short: int
    cache_write_long: int
    input_audio: int
    input_image: int
    output: int
    output_reasoning: int
    output_audio: int
    output_image: int
    tool_requests: int
    charged_tokens: int
    margin_percent: Decimal | None
    cost_usd: Decimal | None
    sale_usd: Decimal | None
    reratings: int
    is_reconciled: bool
    refunded_tokens: int


def list_costed_calls(
    *,
    provider: str,
    model: str,
    starts_at: datetime,
    ends_at: datetime,
    company_id: int | None = None,
    batch_size: int = 500,
) -> Iterator[list[CostedCall]]:
    """List the calls of a model that started in a period, oldest log first, in batches read one after the other."""
    after = _NO_ID
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                _CALLS,
                {
                    "provider": provider,
                    "model": model,
                    "starts_at": starts_at,
                    "ends_at": ends_at,
                    "company_id": company_id,
                    "after": after,
                    "limit": batch_size,
                },
            )
            batch = [CostedCall(*row) for row in cursor.fetchall()]
        if not batch:
            return
        yield batch
        after = batch[-1].id
