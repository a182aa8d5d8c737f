"""Which models of which providers do an operation for a company, and in which order they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.models import ModelRoute
from ai_gateway.provider_keys import find_provider_key
from ai_gateway.providers.registry import get_account

CACHE_SECONDS = 5.0


@dataclass(frozen=True)
class Route:
    """A model, and the name of the provider in ``AI_PROVIDERS`` that runs it."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class NoUsableModel(ImproperlyConfigured):
    """An operation has no model, or none of a provider that can be used; the message says what is wrong with each."""


def parse_chain(text: str) -> list[Route]:
    """Read ``provider/model, provider/model``; raises ``ValueError`` with what is wrong in words."""
    routes = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        provider, separator, model = entry.partition("/")
        if not (separator and provider and model):
            raise ValueError(f"“{entry}” is not of the form provider/model.")
        routes.append(Route(provider, model))
    if not routes:
        raise ValueError("No model is named.")
    return list(dict.fromkeys(routes))


def choose_chain(operation: str, company_id: int | None) -> Sequence[Route]:
    """Return the models to ask, the first first: the company's, else the platform's, else those of ``AI_MODELS``.

    Models of providers that cannot be used here, by the platform's key or the company's own, are left out. A route that
    was just set is seen after ``CACHE_SECONDS``.

    Raises:
        NoUsableModel: none is left.
    """
    text = find_chain(operation, company_id)
    try:
        routes = parse_chain(text)
    except ValueError as error:
        raise NoUsableModel(f"The models for {operation!r}: {error}") from error
    troubles = {route: trouble for route in routes if (trouble := _trouble_with(route, company_id))}
    usable = [route for route in routes if route not in troubles]
    if not usable:
        raise NoUsableModel(f"No model for {operation!r} can be used. {' '.join(troubles.values())}")
    return usable


def find_chain(operation: str, company_id: int | None) -> str:
    """Return the chain in force as it was written; empty when nobody named a model."""
    chains = _read_chains()
    own, platform = chains.get((company_id, operation)), chains.get((None, operation))
    return own or platform or settings.AI_MODELS.get(operation, "")


def forget_routes() -> None:
    """Drop what this process remembers, so that routes just written are seen at once."""
    global _remembered
    _remembered = None


def _trouble_with(route: Route, company_id: int | None) -> str:
    own_key = None if company_id is None else find_provider_key(company_id, route.provider)
    try:
        get_account(route.provider, own_key)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class _Remembered:
    """All routes that staff have set, by company and operation, and when they were read."""

    chains: Mapping[tuple[int | None, str], str]
    read_at: float


_remembered: _Remembered | None = None


def _read_chains() -> Mapping[tuple[int | None, str], str]:
    """Read them all at once: they are as many as staff care to write by hand."""
    global _remembered
    found = _remembered
    if found is None or monotonic() - found.read_at > CACHE_SECONDS:
        chains: dict[tuple[int | None, str], str] = {}
        for company_id, operation, chain in ModelRoute.objects.order_by().values_list(
            "company_id", "operation", "chain"
        ):
            chains[company_id, operation] = chain
        found = _remembered = _Remembered(chains, monotonic())
    return found.chains
