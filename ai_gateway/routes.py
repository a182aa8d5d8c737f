"""Routes as staff set and see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F, Q

from ai_gateway.models import ModelRoute
from ai_gateway.operations import API_OPERATION
from ai_gateway.provider_keys import find_own_providers
from ai_gateway.routing import (
    NoUsableModel,
    Route,
    choose_chain,
    find_fallbacks,
    find_trouble,
    forget_routes,
    parse_chains,
    write_chains,
)
from billing.prices import find_price
from tenants.models import Company, User
from tokens.models.fields import ClockTimestamp
from tokens.operations import label_operation

logger = structlog.get_logger(__name__)

_Choose = Callable[[int | None], Sequence[Route]]


@dataclass(frozen=True, kw_only=True)
class RouteRow:
    """One chain. ``asked``: its usable models in order. ``trouble``: why there is none, which is left out or unpriced.

    ``set_by``: settings, staff or company. ``is_own``: the company's, not the default of all. ``is_on_own_keys``: the
    company's own keys are used, so that calls take no tokens and models need no price.
    """

    operation: str
    operation_label: str
    company: Company | None
    chain: str
    asked: Sequence[str]
    trouble: str
    set_by: str
    is_own: bool
    is_on_own_keys: bool


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
    return [_describe(operation, company, by_operation.get(operation)) for operation in settings.AI_OPERATIONS]


def _list_rows(operation: str, company: Company | None, route: ModelRoute | None) -> list[RouteRow]:
    """Make a row of each chain that is written for an operation."""
    if operation != API_OPERATION:
        return [_describe(operation, company, route)]
    chains = parse_chains(operation, route.chain if route else "")
    return [_describe_api(chain, company, route) for chain in chains]


def _describe(operation: str, company: Company | None, route: ModelRoute | None) -> RouteRow:
    chain = route.chain if route else settings.AI_MODELS.get(operation, "")
    return _row(operation, company, route, chain, lambda company_id: choose_chain(operation, company_id))


def _describe_api(chain: Sequence[Route], company: Company | None, route: ModelRoute | None) -> RouteRow:
    """Describe a chain for callers over HTTP: without its first model, nobody asks for it."""

    def choose(company_id: int | None) -> Sequence[Route]:
        if trouble := find_trouble(chain[0], company_id):
            raise NoUsableModel(trouble)
        return [chain[0], *find_fallbacks(chain[0], company_id)]

    return _row(API_OPERATION, company, route, write_chains([chain]), choose)


def _row(operation: str, company: Company | None, route: ModelRoute | None, chain: str, choose: _Choose) -> RouteRow:
    asked, trouble, is_on_own_keys = _look_at(choose, None if company is None else company.pk)
    return RouteRow(
        operation=operation,
        operation_label=label_operation(operation),
        company=company,
        chain=chain,
        asked=list(map(str, asked)),
        trouble=trouble,
        set_by=_set_by(route),
        is_own=route is not None and route.company_id is not None,
        is_on_own_keys=is_on_own_keys,
    )


def _look_at(choose: _Choose, company_id: int | None) -> tuple[Sequence[Route], str, bool]:
    """Return the models that are asked, what is wrong, and whether it is with the company's own keys.

    The first model decides about that for all, as in ``ways.find_ways``.
    """
    try:
        routes = choose(company_id)
    except ImproperlyConfigured as error:
        return [], str(error), False
    own = frozenset() if company_id is None else find_own_providers(company_id)
    is_on_own_keys = routes[0].provider in own
    asked = [each for each in routes if (each.provider in own) == is_on_own_keys]
    left_out = [each for each in routes if each not in asked]
    unpriced = [each for each in asked if not is_on_own_keys and find_price(each.provider, each.model) is None]
    trouble = [_name("Not priced", unpriced), _name("Not asked, as own keys and the platform's do not mix", left_out)]
    return asked, " ".join(filter(None, trouble)), is_on_own_keys


def _set_by(route: ModelRoute | None) -> str:
    if route is None:
        return "settings"
    is_members = route.company_id is not None and route.updated_by is not None and not route.updated_by.is_staff
    return "company" if is_members else "staff"


def _name(what: str, routes: Sequence[Route]) -> str:
    return f"{what}: {', '.join(map(str, routes))}." if routes else ""
