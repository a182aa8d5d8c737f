"""One call's life: attribute, admit, estimate, hold, attempt, settle. Every AI call of every kind goes this way."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import structlog
from structlog.contextvars import bound_contextvars

from ai_gateway.accounting import Quantities, find_tariff
from ai_gateway.attempts import Attempts
from ai_gateway.attribution import attribute
from ai_gateway.errors import AccessRefused, CallFailed, CallUnderWay
from ai_gateway.operations import lease_seconds, limits_of, timeout_seconds
from ai_gateway.planning import CallPlan, plan_call
from ai_gateway.providers.registry import get_provider
from ai_gateway.providers.types import JsonSchema, ProviderRequest
from ai_gateway.routing import Route, choose_route
from billing.access import get_terms
from tokens.errors import AnswerExpired, BudgetExceeded, CallInFlight, InsufficientTokens
from tokens.selectors.answers import find_answer
from tokens.services.holds import Attribution, HoldRequest, PlacedHold, place_hold

__all__ = ["Answer", "Attribution", "Call", "Quantities", "call_ai"]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One question to AI, and whom it is asked for.

    ``idempotency_key`` makes it safe to repeat: a call that was settled under the key is answered from the store and
    charged nothing. ``company_id`` may be left out when the application, job or user tells it.
    """

    operation: str
    system: str
    user: str
    json_schema: JsonSchema | None = None
    company_id: int | None = None
    attribution: Attribution = field(default_factory=Attribution)
    idempotency_key: str | None = None
    prompt_version: str = ""
    quantities: Quantities = field(default_factory=Quantities)

    @property
    def request_hash(self) -> bytes:
        """SHA-256 of what is asked. The model is left out: another route does not make it another request."""
        schema = None if self.json_schema is None else [self.json_schema.name, self.json_schema.schema]
        asked = json.dumps([self.operation, self.system, self.user, schema], sort_keys=True)
        return hashlib.sha256(asked.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the provider said, and what it took from the company's tokens."""

    text: str
    finish_reason: str
    provider: str
    model: str
    charged_tokens: int
    hold_id: UUID
    replayed: bool = False


def call_ai(call: Call) -> Answer:
    """Make one metered call, or return the stored answer of its idempotency key.

    Raises:
        Unattributed: no company can be charged.
        AccessRefused: the company's subscription or tokens do not allow it.
        CallUnderWay: the same key is in flight.
        CallFailed: no answer was had; the hold has ended, and ``charged_tokens`` says what failed attempts cost.
        KeyInUse, AnswerExpired: see ``tokens.errors``.
    """
    company_id = attribute(call.company_id, call.attribution)
    with bound_contextvars(call_id=str(uuid4()), company_id=company_id, operation=call.operation):
        return _admitted(call, company_id)


def _admitted(call: Call, company_id: int) -> Answer:
    route = choose_route(call.operation)
    provider = get_provider(route.provider)
    tariff = find_tariff(route, margin_percent=_admit(company_id))
    request = _request(call, route)
    plan = plan_call(call.operation, request, provider.kind, tariff)
    placed = _hold(call, company_id, route, plan)
    if placed.is_replay:
        return _stored_answer(placed.hold_id)
    with bound_contextvars(hold_id=str(placed.hold_id)):
        logger.info("call_started", model=str(route), held_tokens=placed.held_tokens)
        limited = replace(request, max_output_tokens=plan.output_limit_within(placed.held_tokens))
        attempts = Attempts(placed.hold_id, provider, route, limited, plan, call.prompt_version, call.quantities)
        return Answer(**attempts.run(), hold_id=placed.hold_id)


def _admit(company_id: int) -> Any:
    """Return the company's margin, or refuse for its subscription; the balance is the hold's to decide."""
    terms = get_terms(company_id)
    if terms.refusal is not None:
        raise AccessRefused(terms.refusal.reason, terms.refusal.message)
    return terms.margin_percent


def _request(call: Call, route: Route) -> ProviderRequest:
    return ProviderRequest(
        model=route.model,
        system=call.system,
        user=call.user,
        json_schema=call.json_schema,
        max_output_tokens=limits_of(call.operation).output_tokens,
        timeout_seconds=timeout_seconds(),
        call_id=str(structlog.contextvars.get_contextvars()["call_id"]),
    )


def _hold(call: Call, company_id: int, route: Route, plan: CallPlan) -> PlacedHold:
    try:
        return place_hold(
            HoldRequest(
                company_id=company_id,
                operation=call.operation,
                needed_tokens=plan.needed_tokens,
                minimum_tokens=plan.minimum_tokens,
                lease_seconds=lease_seconds(),
                provider=route.provider,
                model=route.model,
                attribution=call.attribution,
                estimated_cost_usd=plan.tariff.cost(plan.highest_usage),
                key=call.idempotency_key,
                request_hash=call.request_hash if call.idempotency_key else None,
            )
        )
    except InsufficientTokens as refusal:
        logger.info("call_refused", available_tokens=refusal.available_tokens, needed_tokens=refusal.minimum_tokens)
        raise _not_enough(refusal) from refusal
    except BudgetExceeded as refusal:
        logger.info("call_refused", budget_id=str(refusal.budget_id), needed_tokens=refusal.minimum_tokens)
        message = f"A budget stops this: it has {refusal.left_tokens:,} tokens left."
        raise AccessRefused("budget_exceeded", message, refusal.minimum_tokens, refusal.left_tokens) from refusal
    except CallInFlight as flight:
        raise CallUnderWay(flight.hold_id) from flight


def _not_enough(refusal: InsufficientTokens) -> AccessRefused:
    if refusal.available_tokens:
        reason = "insufficient_tokens"
        message = f"This needs {refusal.minimum_tokens:,} tokens and {refusal.available_tokens:,} are available."
    else:
        reason, message = "no_tokens_remaining", "There are no tokens left."
    return AccessRefused(reason, message, refusal.minimum_tokens, refusal.available_tokens)


def _stored_answer(hold_id: UUID) -> Answer:
    content: Mapping[str, Any] | None = find_answer(hold_id)
    if content is None:
        raise AnswerExpired(hold_id)
    if "failure" in content:
        raise CallFailed(**content["failure"], hold_id=hold_id)
    logger.info("call_replayed", hold_id=str(hold_id))
    return Answer(**content["answer"], hold_id=hold_id, replayed=True)
