"""What a load balancer asks: is the process alive, and can it serve."""

from collections.abc import Callable
from uuid import uuid4

import structlog
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def alive(_request: HttpRequest) -> JsonResponse:
    """Answer as long as the process does; a lost database is no reason to restart it."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and cache can be used, else 503 and which of them cannot."""
    parts = {name: "ok" if _works(name, check) else "unavailable" for name, check in CHECKS.items()}
    is_ready = set(parts.values()) == {"ok"}
    return JsonResponse({"status": "ok" if is_ready else "unavailable", **parts}, status=200 if is_ready else 503)


def _works(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:  # whatever it is, this process cannot serve
        logger.exception("not_ready", part=name)
        return False
    return True


def _use_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _use_cache() -> None:
    """Write and read back: a replica or a full cache answers, but cannot be used."""
    token = uuid4().hex
    cache.set(f"ready:{token}", token, timeout=5)
    if cache.get(f"ready:{token}") != token:
        raise RuntimeError("the cache lost what was just written")


CHECKS: dict[str, Callable[[], None]] = {"database": _use_database, "cache": _use_cache}
