"""What Prometheus reads: the gateway's counts, and the state of the ledger at this moment."""

import os
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ai_gateway.breakers import list_breakers
from ai_gateway.metrics import REGISTRY, show_breaker
from tokens.selectors.gauges import read_gauges
from tokens.services import spool

logger = structlog.get_logger(__name__)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever shows the token or sits in a network that is let in; for others the page does not exist."""
    if not (_shows_token(request) or _sits_near(request)):
        raise Http404
    for status in list_breakers():  # a pause ends without a call
        show_breaker(status.provider, status.state)
    return HttpResponse(generate_latest(_calls()) + generate_latest(_state()), content_type=CONTENT_TYPE_LATEST)


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), wanted)


def _sits_near(request: HttpRequest) -> bool:
    """Tell whether a request comes straight from a network that is let in: through a proxy anybody may come."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in settings.METRICS_NETWORKS)


def _calls() -> CollectorRegistry:
    """Return the counts of all processes that share a folder for them, else those of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _state() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LedgerCollector())
    return registry


class LedgerCollector(Collector):
    """The ledger and the spool as they are now. Without a database the rest is still told."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one gauge for each number."""
        yield _gauge("spool_settlements", "Settlements on disk that wait for the database.", len(spool.list_waiting()))
        yield _gauge("spool_unreadable", "Files of the spool that need a person.", len(spool.list_unreadable()))
        try:
            gauges = read_gauges()
        except DatabaseError:
            logger.exception("metrics_without_database")
            yield _gauge("database_up", "Whether the database answers.", 0)
            return
        yield _gauge("database_up", "Whether the database answers.", 1)
        yield _gauge("open_holds", "Holds of calls under way.", gauges.open_holds)
        yield _gauge("held_tokens", "Tokens in those holds.", gauges.held_tokens)
        yield _gauge("overdue_holds", "Open holds past their lease: the sweeper's work.", gauges.overdue_holds)
        yield _gauge(
            "companies_in_debt", "Companies whose balance did not cover their usage.", gauges.companies_in_debt
        )
        yield _gauge("debt_tokens", "Tokens that they owe.", gauges.debt_tokens)


def _gauge(name: str, documentation: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"winnow_{name}", documentation, value)
