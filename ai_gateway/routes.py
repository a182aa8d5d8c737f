"""Routes as staff set and see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction

from ai_gateway.models import ModelRoute
from ai_gateway.routing import NoUsableModel, choose_chain, forget_routes, parse_chain
from billing.prices import find_price
from tenants.models import Company, User
from tokens.models.fields import ClockTimestamp
from tokens.operations import label_operation

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """One route. ``asked``: its usable models in order. ``trouble``: why there is none, or which has no price."""

    operation: str
    operation_label: str
    company: Company | None
    chain: str
    asked: Sequence[str]
    trouble: str
    is_from_settings: bool


@transaction.atomic
def set_route(*, operation: str, company: Company | None, chain: str, acting: User) -> None:
    """Route an operation of one company, or of all without a route of their own; an empty chain takes the route away.

    Raises:
        ValueError: the chain is not one; says why in words.
    """
    if not chain.strip():
        ModelRoute.objects.filter(operation=operation, company=company).delete()
        written = ""
    else:
        written = ", ".join(map(str, parse_chain(chain)))
        changes = {"chain": written, "updated_by": acting, "updated_at": ClockTimestamp()}
        ModelRoute.objects.update_or_create(operation=operation, company=company, defaults=changes)
    transaction.on_commit(forget_routes)
    company_id = company.pk if company else None
    logger.info("route_set", operation=operation, company_id=company_id, chain=written, user_id=acting.pk)


def list_routes() -> list[RouteRow]:
    """List what is in force for every operation, then the routes of single companies."""
    routes = list(ModelRoute.objects.select_related("company"))
    platform = {route.operation: route.chain for route in routes if route.company is None}
    operations = [*settings.AI_OPERATIONS, *sorted(platform.keys() - set(settings.AI_OPERATIONS))]
    rows = [_row(operation, None, platform.get(operation, "")) for operation in operations]
    return rows + [_row(route.operation, route.company, route.chain) for route in routes if route.company]


def _row(operation: str, company: Company | None, chain: str) -> RouteRow:
    asked, trouble = _describe(operation, company)
    return RouteRow(
        operation=operation,
        operation_label=label_operation(operation),
        company=company,
        chain=chain or settings.AI_MODELS.get(operation, ""),
        asked=asked,
        trouble=trouble,
        is_from_settings=not chain,
    )


def _describe(operation: str, company: Company | None) -> tuple[list[str], str]:
    try:
        routes = choose_chain(operation, company.pk if company else None)
    except NoUsableModel as error:
        return [], str(error)
    unpriced = [str(route) for route in routes if find_price(route.provider, route.model) is None]
    return [str(route) for route in routes], f"Not priced: {', '.join(unpriced)}." if unpriced else ""
