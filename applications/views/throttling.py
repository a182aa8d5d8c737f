"""Keep floods of applications away: few per hour from one network, and a bound per job from everywhere."""

from ipaddress import AddressValueError, IPv6Address, IPv6Network, ip_address
from time import time

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from applications.models import Job

logger = structlog.get_logger(__name__)

_HOUR_SECONDS = 3600


def count_submission(request: HttpRequest, job: Job) -> int:
    """Count one application, and return how many seconds to wait when there were too many in this hour; else 0.

    Hours are those of the clock. Without a cache nothing can be counted, and people are let in: a lost application
    is worse than a flood, whose cost the job's daily cap bounds.
    """
    now = int(time())
    hour, wait_seconds = now // _HOUR_SECONDS, _HOUR_SECONDS - now % _HOUR_SECONDS
    address = salted_hmac("applications.throttling", client_network(request)).hexdigest()[:32]
    limits = {
        f"apply:address:{address}:{hour}": settings.APPLICATIONS_PER_HOUR_PER_ADDRESS,
        f"apply:job:{job.pk}:{hour}": settings.APPLICATIONS_PER_HOUR_PER_JOB,
    }
    for key, limit in limits.items():
        if _count(key) > limit:
            logger.warning("application_throttled", scope=key.split(":")[1], job_id=str(job.pk))
            return wait_seconds
    return 0


def client_network(request: HttpRequest) -> str:
    """Return where a request comes from: an IPv4 address, or the /64 that one IPv6 subscriber has to himself.

    Of X-Forwarded-For only the hops that our own proxies added are believed (``TRUSTED_PROXIES``).
    """
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    proxies = settings.TRUSTED_PROXIES
    sender = hops[-proxies] if 0 < proxies <= len(hops) and hops[-proxies] else request.META.get("REMOTE_ADDR", "")
    try:
        address = ip_address(sender)
    except (AddressValueError, ValueError):
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
    return str(address)


def _count(key: str) -> int:
    """Add one to a counter of this hour and return it; 0 when the cache is away."""
    try:
        cache.add(key, 0, timeout=_HOUR_SECONDS)
        return cache.incr(key)
    except Exception as error:  # each cache backend has its own
        logger.warning("throttle_without_cache", error=type(error).__name__)
        return 0
