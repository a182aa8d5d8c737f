"""How often a key may be used, counted for all processes together."""

from time import monotonic
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 0.25
# After a failure Redis is left alone for a while: it must not cost every request the time-out.
_PAUSE_SECONDS = 5.0
_LOG_SECONDS = 60.0

# The moments of the last requests, newest first, in milliseconds of Redis' own clock. The next is admitted when the
# one that many places back is a minute old: never more than the limit in any 60 seconds, also across full minutes.
# Two steps at the ends of a list, whatever its length; 60 seconds after the last request it is gone.
_ADMIT = """
local limit = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local earlier = redis.call('LINDEX', KEYS[1], limit - 1)
if earlier and now - earlier < 60000 then
    return 60000 - (now - earlier)
end
redis.call('LPUSH', KEYS[1], now)
redis.call('LTRIM', KEYS[1], 0, limit - 1)
redis.call('PEXPIRE', KEYS[1], 60000)
return 0
"""


class RateLimits:
    """Requests per minute of each key, exact across processes; for one event loop, closed with it.

    Without Redis everything is admitted: balance and budgets are the limits that hold whatever happens. That is logged
    once a minute.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
        self._script = self._redis.register_script(_ADMIT)
        self._paused_until = self._logged_until = 0.0

    async def admit(self, key_id: UUID, per_minute: int) -> float | None:
        """Count a request of a key and return None, or the seconds to wait. A request that must wait is not counted."""
        if monotonic() < self._paused_until:
            return None
        try:
            wait_ms = await self._script(keys=[f"winnow:rate:{key_id}"], args=[per_minute])
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        return wait_ms / 1000 if wait_ms else None

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _leave_alone(self, error: Exception) -> None:
        now = monotonic()
        self._paused_until = now + _PAUSE_SECONDS
        if now >= self._logged_until:
            self._logged_until = now + _LOG_SECONDS
            logger.error("rate_limits_off", error=str(error))
