"""One call's life: attribute, admit, estimate, hold, attempt, settle. Every AI call of every kind goes this way."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import structlog
from asgiref.sync import sync_to_async
from structlog.contextvars import bound_contextvars

from ai_gateway.accounting import Quantities
from ai_gateway.admission import admit
from ai_gateway.async_driving import adrive
from ai_gateway.attribution import attribute
from ai_gateway.calibration import find_input_factor
from ai_gateway.driving import drive
from ai_gateway.effects import Candidate, PlannedCall, Replayed, Send, Settled
from ai_gateway.life import live
from ai_gateway.operations import limits_of, timeout_seconds
from ai_gateway.planning import plan_call
from ai_gateway.providers.registry import get_account, get_provider
from ai_gateway.providers.types import JsonSchema, ProviderAnswer, ProviderRequest
from ai_gateway.routing import Route, choose_chain
from ai_gateway.stored_answers import StorableReply, get_stored_answer
from ai_gateway.ways import Way, find_ways
from tokens.services.async_ledger import get_ledger
from tokens.services.holds import Attribution

__all__ = ["Answer", "Attribution", "Call", "Quantities", "acall_ai", "call_ai"]

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


async def acall_ai(call: Call) -> Answer:
    """Do as ``call_ai`` does without blocking; cancelled at any point, it ends its hold first."""
    company_id = await sync_to_async(attribute)(call.company_id, call.attribution)
    with bound_contextvars(call_id=str(uuid4()), company_id=company_id, operation=call.operation):
        planned, request = await sync_to_async(_prepare)(call, company_id)

        async def send(wanted: Send) -> StorableReply:
            asked = _request_for(wanted, request)
            with bound_contextvars(hold_id=str(wanted.hold_id)):
                route, api_key = wanted.candidate.route, wanted.candidate.api_key
                return _reply(await get_provider(route.provider, api_key).acomplete(asked), route)

        ended = await adrive(live(planned), await get_ledger(), send)
        return await sync_to_async(_answer)(ended) if isinstance(ended, Replayed) else _answer(ended)


def _admitted(call: Call, company_id: int) -> Answer:
    planned, request = _prepare(call, company_id)

    def send(wanted: Send) -> StorableReply:
        asked = _request_for(wanted, request)
        with bound_contextvars(hold_id=str(wanted.hold_id)):
            route, api_key = wanted.candidate.route, wanted.candidate.api_key
            return _reply(get_provider(route.provider, api_key).complete(asked), route)

    return _answer(drive(live(planned), send))


def _prepare(call: Call, company_id: int) -> tuple[PlannedCall, ProviderRequest]:
    """Admit a call and plan it; the request is that for the first model, to be adapted to each attempt."""
    terms = admit(company_id)
    chain = choose_chain(call.operation, company_id)
    ways = find_ways(chain, company_id=company_id, operation=call.operation, terms=terms)
    request = _request(call, ways[0].route)
    planned = PlannedCall(
        company_id=company_id,
        operation=call.operation,
        attribution=call.attribution,
        candidates=[_plan(call.operation, request, way) for way in ways],
        key=call.idempotency_key,
        request_hash=call.request_hash if call.idempotency_key else None,
        prompt_version=call.prompt_version,
        quantities=call.quantities,
        answer_days=terms.answer_days,
    )
    return planned, request


def _request_for(wanted: Send, request: ProviderRequest) -> ProviderRequest:
    return replace(request, model=wanted.candidate.route.model, max_output_tokens=wanted.output_limit)


def _reply(answer: ProviderAnswer, route: Route) -> StorableReply:
    content = {
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "provider": route.provider,
        "model": answer.model,
    }
    return StorableReply(answer, content)


def _answer(ended: Settled | Replayed) -> Answer:
    if isinstance(ended, Settled):
        return Answer(**ended.reply.content, charged_tokens=ended.charged_tokens, hold_id=ended.hold_id)
    stored = get_stored_answer(ended.hold_id)
    logger.info("call_replayed", hold_id=str(ended.hold_id))
    return Answer(**stored, hold_id=ended.hold_id, replayed=True)


def _plan(operation: str, request: ProviderRequest, way: Way) -> Candidate:
    asked, kind = replace(request, model=way.route.model), get_account(way.route.provider, way.api_key).kind
    plan = plan_call(operation, asked, kind, way.tariff)
    return Candidate(way.route, plan.raised(find_input_factor(way.route)), way.api_key)


def _request(call: Call, route: Route) -> ProviderRequest:
    return ProviderRequest(
        model=route.model,
        system=call.system,
        user=call.user,
        json_schema=call.json_schema,
        max_output_tokens=limits_of(call.operation).output_tokens,
        timeout_seconds=timeout_seconds(call.operation),
        call_id=str(structlog.contextvars.get_contextvars()["call_id"]),
    )
