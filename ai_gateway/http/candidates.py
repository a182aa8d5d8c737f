"""The models that one call may be made with: the one that was asked for, and those to ask in its place."""

from collections.abc import Sequence
from typing import NamedTuple, overload

import structlog
from django.conf import settings

from ai_gateway.accounting import Tariff
from ai_gateway.effects import Candidate
from ai_gateway.http.errors import Refusal
from ai_gateway.http.gateway import OPERATION, Admission, Gateway
from ai_gateway.http.requests import Request
from ai_gateway.operations import limits_of
from ai_gateway.planning import CallPlan
from ai_gateway.providers.errors import (
    ProviderCircuitOpen,
    ProviderError,
    ProviderOverloaded,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.providers.upstream import Upstream
from ai_gateway.routing import Route
from ai_gateway.wire.exchanges import open_exchange
from ai_gateway.wire.types import Asked, Exchange, RequestRefused
from tenants.api_keys import KeyTerms

logger = structlog.get_logger(__name__)

# A caller named the model: another one answers only where that one's provider is down, not where it says no.
FALLS_BACK_ON: tuple[type[ProviderError], ...] = (
    ProviderUnavailable,
    ProviderTimeout,
    ProviderOverloaded,
    ProviderCircuitOpen,
)

MODEL_HEADERS = ("x-winnow-model", "x-winnow-fallback-for")


class Way(NamedTuple):
    """How a call reaches one of its models."""

    route: Route
    upstream: Upstream
    exchange: Exchange


class Candidates(Sequence[Candidate]):
    """The models of a call in order, with the ways to each.

    Those after the first are planned once they are needed: that reads the whole prompt, and most calls do without. One
    that cannot be asked faithfully is left out.
    """

    def __init__(self, gateway: Gateway, asked: Asked, admission: Admission, others: Sequence[Admission]) -> None:
        """Raise ``RequestRefused`` when the model that was asked for cannot be asked so."""
        self.asked_route = admission.route
        self.ways: dict[Route, Way] = {}
        self._gateway = gateway
        self._asked = asked
        self._planned = [self._plan(admission)]
        self._others = others

    @overload
    def __getitem__(self, position: int) -> Candidate: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, position: int | slice) -> Candidate | Sequence[Candidate]:
        if position != 0:
            self._plan_others()
        return self._planned[position]

    def __len__(self) -> int:
        self._plan_others()
        return len(self._planned)

    def _plan_others(self) -> None:
        others, self._others = self._others, ()
        for admission in others:
            try:
                self._planned.append(self._plan(admission))
            except RequestRefused as refusal:
                logger.info("fallback_left_out", model=str(admission.route), code=refusal.code, param=refusal.param)

    def _plan(self, admission: Admission) -> Candidate:
        upstream = self._gateway.choose_upstream(admission.account)
        exchange = open_exchange(self._asked, admission.account.kind, admission.route.model)
        self.ways[admission.route] = Way(admission.route, upstream, exchange)
        plan = plan_exchange(self._asked, exchange, admission.tariff).raised(admission.input_factor)
        return Candidate(admission.route, plan, admission.api_key)


def list_fallbacks(request: Request, asked: Asked, key: KeyTerms, admission: Admission) -> list[Admission]:
    """Return what a caller lets be asked in the place of a model; raises ``Refusal`` for a header that says neither.

    Vectors of another model are of no use to whoever keeps those of this one.
    """
    wanted = request.header(b"x-winnow-fallback")
    if wanted not in {"", "on", "off"}:
        raise Refusal(400, "invalid_fallback", "X-Winnow-Fallback must be 'on' or 'off'.", "x-winnow-fallback")
    return [
        other
        for other in admission.fallbacks
        if wanted != "off"
        and key.allows_model(other.route.model, str(other.route))
        and (asked.format != "embeddings" or other.route.model == admission.route.model)
    ]


def name_model(route: str, asked_route: Route) -> dict[str, str]:
    """Return the headers that say which model answered, and in the place of which."""
    model, fallback_for = MODEL_HEADERS
    return {model: route} if route == str(asked_route) else {model: route, fallback_for: str(asked_route)}


def plan_exchange(asked: Asked, exchange: Exchange, tariff: Tariff) -> CallPlan:
    """Bound what a call can use: roughly, until the balance is tight."""
    limits = limits_of(OPERATION)
    wanted = limits.output_tokens if asked.output_limit is None else asked.output_limit
    output = min(wanted, settings.API_MAX_OUTPUT_TOKENS)
    return CallPlan(
        input_tokens=exchange.bound_input_tokens(),
        output_tokens=output,
        minimum_output_tokens=min(limits.minimum_output_tokens, output),
        tariff=tariff,
        answers=asked.choices,
        count_input=exchange.count_input_tokens,
    )
