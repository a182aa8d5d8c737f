"""Routes as staff set and see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

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
    """One chain. ``asked``: its usable models in order. ``trouble``: why there is none, or which has no price.

    ``set_by``: settings, staff or company. ``is_own``: the company's, not the default of all.
    """

    operation: str
    operation_label: str
    company: Company | None
    chain: str
    asked: Sequence[str]
    trouble: str
    set_by: str
    is_own: bool


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
    routes = list(ModelRoute.objects.select_related("company", "updated_by"))
    platform = {route.operation: route for route in routes if route.company is None}
    operations = [*settings.AI_OPERATIONS, *sorted(platform.keys() - set(settings.AI_OPERATIONS))]
    rows = [row for operation in operations for row in _list_rows(operation, None, platform.get(operation))]
    return rows + [
        row for route in routes if route.company for row in _list_rows(route.operation, route.company, route)
    ]


def find_default_chain(operation: str) -> str:
    """Return the models of companies without a route of their own: the staff's, else those of the settings."""
    route = ModelRoute.objects.filter(company=None, operation=operation).first()
    return route.chain if route else settings.AI_MODELS.get(operation, "")


def list_company_routes(company: Company) -> list[RouteRow]:
    """List what is in force for each operation of one company, its own routes and the default alike."""
    routes = ModelRoute.objects.filter(Q(company=company) | Q(company=None)).select_related("updated_by")
    by_operation: dict[str, ModelRoute] = {}
    for route in routes.order_by(F("company").desc(nulls_last=True)):
        by_operation.setdefault(route.operation, route)
    return [
        _row(operation, company, by_operation.get(operation), *_describe(operation, company))
        for operation in settings.AI_OPERATIONS
    ]


def _list_rows(operation: str, company: Company | None, route: ModelRoute | None) -> list[RouteRow]:
    """Make a row of each chain that is written for an operation."""
    if operation != API_OPERATION:
        return [_row(operation, company, route, *_describe(operation, company))]
    rows = []
    for first, *_others in parse_chains(operation, route.chain if route else ""):
        routes = [first, *find_fallbacks(first, company.pk if company else None)]
        rows.append(_row(operation, company, route, list(map(str, routes)), _name_unpriced(routes)))
    return rows


def _row(operation: str, company: Company | None, route: ModelRoute | None, asked: list[str], trouble: str) -> RouteRow:
    return RouteRow(
        operation=operation,
        operation_label=label_operation(operation),
        company=company,
        chain=route.chain if route else settings.AI_MODELS.get(operation, ""),
        asked=asked,
        trouble=trouble,
        set_by=_set_by(route),
        is_own=route is not None and route.company_id is not None,
    )


def _set_by(route: ModelRoute | None) -> str:
    if route is None:
        return "settings"
    is_members = route.company_id is not None and route.updated_by is not None and not route.updated_by.is_staff
    return "company" if is_members else "staff"


def _describe(operation: str, company: Company | None) -> tuple[list[str], str]:
    try:
        routes = choose_chain(operation, company.pk if company else None)
    except NoUsableModel as error:
        return [], str(error)
    return [str(route) for route in routes], _name_unpriced(routes)


def _name_unpriced(routes: Sequence[Route]) -> str:
    unpriced = [str(route) for route in routes if find_price(route.provider, route.model) is None]
    return f"Not priced: {', '.join(unpriced)}." if unpriced else ""
