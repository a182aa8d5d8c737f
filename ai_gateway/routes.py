"""Routes as staff set and see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction

from ai_gateway.models import ModelRoute
from ai_gateway.operations import API_OPERATION
from ai_gateway.routing import (
    NoUsableModel,
    Route,
    choose_chain,
    find_fallbacks,
    forget_routes,
    parse_chains,
    write_chains,
)
from billing.prices import find_price
from tenants.models import Company, User
from tokens.models.fields import ClockTimestamp
from tokens.operations import label_operation

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """One chain. ``asked``: its usable models in order. ``trouble``: why there is none, or which has no price."""

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
        written = write_chains(parse_chains(operation, chain))
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
    rows = [row for operation in operations for row in _list_rows(operation, None, platform.get(operation, ""))]
    own = [row for route in routes if route.company for row in _list_rows(route.operation, route.company, route.chain)]
    return rows + own


def _list_rows(operation: str, company: Company | None, chain: str) -> list[RouteRow]:
    """Make a row of each chain that is written for an operation."""
    if operation != API_OPERATION:
        asked, trouble = _describe(operation, company)
        return [_row(operation, company, chain, asked, trouble)]
    rows = []
    for first, *_others in parse_chains(operation, chain):
        routes = [first, *find_fallbacks(first, company.pk if company else None)]
        rows.append(_row(operation, company, chain, list(map(str, routes)), _name_unpriced(routes)))
    return rows


def _row(operation: str, company: Company | None, chain: str, asked: list[str], trouble: str) -> RouteRow:
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
    return [str(route) for route in routes], _name_unpriced(routes)


def _name_unpriced(routes: Sequence[Route]) -> str:
    unpriced = [str(route) for route in routes if find_price(route.provider, route.model) is None]
    return f"Not priced: {', '.join(unpriced)}." if unpriced else ""
