"""Which models a company's admins can choose from, and what they chose."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from ai_gateway.models import ModelRoute
from ai_gateway.provider_keys import list_provider_keys
from ai_gateway.providers.registry import get_account, is_sandbox_provider
from ai_gateway.routes import set_route
from ai_gateway.routing import Route, parse_chains
from billing.access import admit_model, get_terms
from billing.prices import find_price
from billing.rates import find_weight
from billing.selectors import list_priced_models
from tenants.errors import RoleNotAllowed
from tenants.models import Company, Membership


@dataclass(frozen=True)
class ModelChoice:
    """A model that a company may use. ``weight``: tokens charged for one of the provider's; 0 on its own key."""

    route: Route
    weight: Decimal

    @property
    def is_own_key(self) -> bool:
        """Whether the company's own key at the provider is used, so that calls take no tokens."""
        return not self.weight


def list_choices(company: Company, operation: str) -> list[ModelChoice]:
    """List the models that a company may choose for an operation, by name.

    They are those that staff let in: named in the settings, in a route or in the price book, at a provider that can be
    used with the platform's key or the company's own. On the platform's they are priced, or as good as that.
    """
    own = set(list_provider_keys(company))
    terms = get_terms(company.pk)
    choices = []
    for route in sorted(set(_list_named(company)), key=str):
        if route.provider in own:
            choices.append(ModelChoice(route, Decimal(0)))
        elif _is_usable(route) and admit_model(terms, route.provider, route.model, operation) is None:
            weight = find_weight(route.provider, route.model)
            choices.append(ModelChoice(route, Decimal(1) if weight is None else weight.weight))
    return choices


def choose_models(*, operation: str, routes: Sequence[Route], acting: Membership) -> None:
    """Route an operation of the acting member's company; without routes, the default does it again.

    Raises:
        RoleNotAllowed: only admins choose models: they decide what calls cost.
        ValueError: one of the models is not to be chosen from; says so in words.
    """
    if not acting.can_administer:
        raise RoleNotAllowed
    allowed = {choice.route for choice in list_choices(acting.company, operation)}
    for route in routes:
        if route not in allowed:
            raise ValueError(f"“{route}” cannot be chosen here.")
    set_route(operation=operation, company=acting.company, chain=", ".join(map(str, routes)), acting=acting.user)


def _list_named(company: Company) -> Iterator[Route]:
    """Yield every model that is named somewhere and can write an answer."""
    routes = ModelRoute.objects.filter(Q(company=None) | Q(company=company)).values_list("operation", "chain")
    for operation, written in [*settings.AI_MODELS.items(), *routes]:
        yield from _read(operation, written)
    for provider, entry in settings.AI_PROVIDERS.items():
        yield from (Route(provider, model) for model in entry.get("models", ()))
    for provider, model in list_priced_models():
        price = find_price(provider, model)
        if price is None or price.kind == "free" or price.output_usd_per_million is not None:
            yield Route(provider, model)  # without a price of output it embeds, or writes down speech


def _read(operation: str, written: str) -> list[Route]:
    try:
        return [route for chain in parse_chains(operation, written) for route in chain]
    except ValueError:  # of the settings; the staff's page says what is wrong with it
        return []


def _is_usable(route: Route) -> bool:
    """Tell whether the platform has an account at the provider. The sandbox is chosen only where everybody uses it."""
    if is_sandbox_provider(route.provider) and not is_sandbox_provider(settings.AI_PROVIDER):
        return False
    try:
        get_account(route.provider)
    except ImproperlyConfigured:
        return False
    return True
