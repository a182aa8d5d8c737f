"""Which models of which providers do an operation for a company, and in which order they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.models import ModelRoute
from ai_gateway.operations import API_OPERATION
from ai_gateway.provider_keys import find_provider_key
from ai_gateway.providers.registry import get_account

logger = structlog.get_logger(__name__)

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


def parse_chains(operation: str, text: str) -> list[list[Route]]:
    """Read what is written for an operation: its chain; for calls over HTTP several, with semicolons between them.

    There a chain is for callers who ask for its first model. Raises ``ValueError`` as ``parse_chain`` does.
    """
    if operation != API_OPERATION:
        return [parse_chain(text)]
    chains = [parse_chain(chain) for chain in text.split(";") if chain.strip()]
    if not chains:
        raise ValueError("No model is named.")
    for chain in chains:
        if len(chain) == 1:
            raise ValueError(f"Name what is asked in the place of {chain[0]}.")
        if sum(chain[0] == other[0] for other in chains) > 1:
            raise ValueError(f"Two chains begin with {chain[0]}.")
    return chains


def write_chains(chains: Sequence[Sequence[Route]]) -> str:
    """Return chains as they are kept."""
    return "; ".join(", ".join(map(str, chain)) for chain in chains)


def find_fallbacks(route: Route, company_id: int | None) -> Sequence[Route]:
    """Return the models to ask in the place of one that a caller over HTTP asked for, of providers that can be used."""
    text = find_chain(API_OPERATION, company_id)
    try:
        chains = parse_chains(API_OPERATION, text) if text else []
    except ValueError:  # callers name their model themselves: they can do without
        logger.exception("fallbacks_unreadable", chain=text, company_id=company_id)
        chains = []
    others = next((chain[1:] for chain in chains if chain[0] == route), [])
    return [other for other in others if not find_trouble(other, company_id)]


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
    troubles = {route: trouble for route in routes if (trouble := find_trouble(route, company_id))}
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


def find_trouble(route: Route, company_id: int | None) -> str:
    """Say why a model cannot be asked for a company, or for those without a key of their own; empty: it can be.

    Raises ``ProviderKeyUnreadable`` or ``NoEncryptionKey``.
    """
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
