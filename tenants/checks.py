"""What must be so before Winnow is deployed."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

# Caches that other processes cannot see: sign-in attempts counted there are counted anew by every process.
_NOT_SHARED = ("locmem.LocMemCache", "dummy.DummyCache")


@register(Tags.security, deploy=True)
def check_rate_limits_are_shared(**_options: Any) -> Sequence[CheckMessage]:
    """Warn when limits on sign-in, sign-up and applications would be counted per process or not at all."""
    backend = settings.CACHES["default"]["BACKEND"]
    if not backend.endswith(_NOT_SHARED):
        return []
    return [
        Warning(
            "The default cache is not shared between processes, so rate limits do not hold.",
            hint="Set REDIS_URL and use Django's Redis cache.",
            id="tenants.W001",
        )
    ]
