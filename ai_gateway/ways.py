"""On whose account each model of a chain is asked, and how that is charged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ai_gateway.accounting import Tariff, find_tariff, find_tariffs
from ai_gateway.provider_keys import find_provider_key
from ai_gateway.routing import Route
from billing.access import Terms


@dataclass(frozen=True)
class Way:
    """A model that may be asked. ``api_key``: the company's own at the provider, or None for the platform's."""

    route: Route
    tariff: Tariff
    api_key: str | None = field(default=None, repr=False)


def find_ways(routes: Sequence[Route], *, company_id: int, operation: str, terms: Terms) -> list[Way]:
    """Return the ways to make a call, in the order of ``routes``: all on the company's own keys, or all on ours.

    Which of the two the first route decides: a hold is one or the other, and a company that relies on its own account
    must not pay tokens because that account failed. On its own keys models need no price.

    Raises:
        AccessRefused: none of the models may be used.
        ProviderKeyUnreadable: the company has a key that cannot be decrypted.
    """
    keys = {route.provider: find_provider_key(company_id, route.provider) for route in routes}
    if keys[routes[0].provider] is None:
        ours = [route for route in routes if keys[route.provider] is None]
        return [Way(route, tariff) for route, tariff in find_tariffs(ours, operation=operation, terms=terms)]
    margin_percent = terms.margin_percent or Decimal(0)
    return [
        Way(route, find_tariff(route, operation=operation, margin_percent=margin_percent), api_key)
        for route in routes
        if (api_key := keys[route.provider]) is not None
    ]
