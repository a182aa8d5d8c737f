"""Spoken interviews on a provider's realtime model: what each response used is metered as the session's events tell it.

The session runs between the candidate and the provider; whoever keeps it hands its events to ``meter_event``. A
response is held for when it begins and settled when it is done, under its own id, so that events may come twice or out
of order. What was used without a hold (a transcription, or a response whose beginning was not told) is booked, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog

from ai_gateway.accounting import Quantities, Tariff, abandoned, answered, find_tariff, find_tariffs
from ai_gateway.admission import admit
from ai_gateway.errors import AccessRefused
from ai_gateway.estimating.speech import HEARD_TOKENS_PER_SECOND, SAID_TOKENS_PER_SECOND
from ai_gateway.operations import limits_of
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_realtime_usage
from ai_gateway.reserving import explain_lack
from ai_gateway.routing import Route
from billing.access import get_terms
from billing.costs import Cost
from tokens.errors import BudgetExceeded, CallInFlight, InsufficientTokens
from tokens.models import HoldState
from tokens.selectors.answers import find_hold_of_key
from tokens.services.holds import AttemptUsage, Attribution, Closing, HoldRequest, place_hold
from tokens.services.movements import KeyOwner
from tokens.services.spool import close_or_spool

logger = structlog.get_logger(__name__)

OPERATION = "video_interview"
_LEASE_SECONDS = 600  # the longest response, and the time until its event arrives


@dataclass(frozen=True, kw_only=True)
class RealtimeSession:
    """An interview under way. ``id`` is the provider's; ``context_tokens`` is the most that a response can read.

    ``key_owner`` is whose key it was opened with: on the company's own nothing is charged, and budgets count it.
    """

    id: str
    company_id: int
    attribution: Attribution
    route: Route
    transcription_route: Route | None = None
    context_tokens: int = 32_000
    key_owner: KeyOwner = "platform"


@dataclass(frozen=True)
class Verdict:
    """What an event came to. Unless ``may_continue``, cancel the response that began and end the session.

    ``hold_id`` is the hold that it was booked under, ``available_tokens`` what was left then if that was just now, and
    ``refusal`` the whole of ``reason``.
    """

    may_continue: bool = True
    charged_tokens: int = 0
    reason: str = ""
    hold_id: UUID | None = field(default=None, compare=False)
    available_tokens: int | None = field(default=None, compare=False)
    refusal: AccessRefused | None = field(default=None, compare=False)


def meter_event(session: RealtimeSession, event: Mapping[str, Any]) -> Verdict:
    """Book what an event of the session says; events that concern no tokens are passed over.

    ``response.created`` reserves, ``response.done`` and a finished transcription charge. Each is booked once.
    """
    usage = read_realtime_usage(event)
    match event:
        case {"type": "response.created", "response": {"id": str(response_id)}}:
            return _reserve(session, response_id)
        case {"type": "response.done", "response": {"id": str(response_id), "status": str(status)}}:
            route, seconds = session.route, _said(usage)
            told = _Told(usage or Usage(), route.model, response_id, status, is_counted=usage is not None)
            return _book(session, told, route, seconds)
        case {"type": "conversation.item.input_audio_transcription.completed", "item_id": str(item_id)}:
            route, seconds = session.transcription_route or session.route, _heard(usage)
            told = _Told(usage or Usage(), route.model, item_id, "completed", is_counted=usage is not None)
            return _book(session, told, route, seconds)
    return Verdict()


@dataclass(frozen=True)
class _Told:
    """What an event says was done, as the usage log takes it. ``provider_request_id`` is the response's or item's.

    Unless ``is_counted``, it was made and its count is lost.
    """

    usage: Usage
    model: str
    provider_request_id: str
    finish_reason: str
    is_counted: bool
    service_tier: str = ""
    duration_ms: int | None = None


def _reserve(session: RealtimeSession, response_id: str) -> Verdict:
    limits = limits_of(OPERATION)
    try:
        tariff = _admit(session)
        needed = tariff.charge(session.context_tokens + limits.output_tokens)
        minimum = tariff.charge(limits.minimum_output_tokens)
        return Verdict(hold_id=_hold(session, session.route, response_id, tariff, needed, minimum))
    except AccessRefused as refusal:
        return _refused(session, refusal)
    except (InsufficientTokens, BudgetExceeded) as lack:
        return _refused(session, explain_lack(lack))
    except CallInFlight as elsewhere:  # told twice
        return Verdict(hold_id=elsewhere.hold_id)


def _admit(session: RealtimeSession) -> Tariff:
    """Return how a response is charged; raises ``AccessRefused``. On the company's own key a model needs no price."""
    terms = admit(session.company_id)
    if session.key_owner == "company":
        return find_tariff(session.route, operation=OPERATION, margin_percent=terms.margin_percent or Decimal(0))
    [(_route, tariff)] = find_tariffs([session.route], operation=OPERATION, terms=terms)
    return tariff


def _book(session: RealtimeSession, told: _Told, route: Route, seconds: Decimal | None) -> Verdict:
    """Settle the hold of a response, or one of nothing that is placed now: what was used is known already."""
    margin_percent = get_terms(session.company_id).margin_percent or Decimal(0)
    tariff = find_tariff(route, operation=OPERATION, margin_percent=margin_percent)
    known = find_hold_of_key(session.company_id, _key(session, told.provider_request_id))
    if known is not None and known.state == HoldState.SETTLED:
        return Verdict(charged_tokens=known.charged_tokens or 0, hold_id=known.pk)
    key_owner = session.key_owner if known is None else known.key_owner
    if known is not None and known.state in {HoldState.OPEN, HoldState.EXPIRED}:
        hold_id = known.pk
    else:
        try:
            hold_id = _hold(session, route, told.provider_request_id, tariff, 0, 0)
        except CallInFlight as elsewhere:
            hold_id = elsewhere.hold_id
    usage = _account(session, told, tariff, Quantities(media_seconds=seconds))
    settlement = close_or_spool(Closing.settling(hold_id, [usage], None))
    charged = usage.charged_tokens if key_owner == "platform" else 0
    logger.info("realtime_metered", session_id=session.id, hold_id=str(hold_id), charged_tokens=charged)
    left = None if settlement is None else settlement.available_tokens
    return Verdict(charged_tokens=charged, hold_id=hold_id, available_tokens=left)


def _hold(
    session: RealtimeSession, route: Route, told_id: str, tariff: Tariff, needed_tokens: int, minimum_tokens: int
) -> UUID:
    key, estimate = _key(session, told_id), _estimate(session, tariff)
    return place_hold(
        HoldRequest(
            company_id=session.company_id,
            operation=OPERATION,
            needed_tokens=needed_tokens,
            minimum_tokens=minimum_tokens,
            lease_seconds=_LEASE_SECONDS,
            provider=route.provider,
            model=route.model,
            attribution=session.attribution,
            estimated_cost_usd=estimate.usd,
            estimated_price_kind=estimate.kind,
            key=key,
            request_hash=sha256(key.encode()).digest(),
            key_owner=session.key_owner,
        )
    ).hold_id


def _account(session: RealtimeSession, told: _Told, tariff: Tariff, quantities: Quantities) -> AttemptUsage:
    if not told.is_counted:
        return abandoned(1, tariff, estimate=_estimate(session, tariff))
    return answered(1, told, tariff, prompt_version="", quantities=quantities, streamed=True)


def _estimate(session: RealtimeSession, tariff: Tariff) -> Cost:
    return tariff.cost_at_most(Usage(input_uncached=session.context_tokens, output=limits_of(OPERATION).output_tokens))


def _said(usage: Usage | None) -> Decimal | None:
    """Return the seconds that a response speaks. What it hears is told by transcriptions: each utterance once."""
    return None if usage is None else Decimal(usage.output_audio) / SAID_TOKENS_PER_SECOND


def _heard(usage: Usage | None) -> Decimal | None:
    return None if usage is None else usage.seconds or Decimal(usage.input_audio) / HEARD_TOKENS_PER_SECOND


def _key(session: RealtimeSession, told_id: str) -> str:
    """Return the key of an event. Ids may have any character: the length says where the session's ends."""
    return f"realtime/{len(session.id)}/{session.id}/{told_id}"


def _refused(session: RealtimeSession, refusal: AccessRefused) -> Verdict:
    logger.info("realtime_refused", session_id=session.id, company_id=session.company_id, reason=refusal.reason)
    return Verdict(may_continue=False, reason=refusal.reason, refusal=refusal)
