"""``POST /v1/realtime/usage``: book what the events of a realtime session say, whose client runs it by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ai_gateway.http.authentication import require_model, require_scope
from ai_gateway.http.errors import Refusal
from ai_gateway.http.gateway import Gateway
from ai_gateway.http.requests import Request, Sender, parse_object
from ai_gateway.http.responding import request_id_header, respond
from ai_gateway.realtime import RealtimeSession, Verdict, meter_event
from ai_gateway.realtime_sessions import decide_key_owner
from ai_gateway.routing import Route
from ai_gateway.wire.asked import read_metadata
from ai_gateway.wire.fields import Fields
from tenants.api_keys import KeyTerms
from tenants.models import KeyScope

PATH = "/v1/realtime/usage"
_LONGEST_SESSION_ID, _LONGEST_ID = 64, 128  # as the ledger keeps them
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_EVENTS = ("response.created", "response.done", _TRANSCRIBED)


@dataclass(frozen=True)
class _Told:
    """What a caller tells: an event, of which session and of what model of it."""

    session_id: str
    model: str
    transcription_model: str | None
    event: Mapping[str, Any]


async def serve_realtime_usage(gateway: Gateway, request: Request, send: Sender) -> None:
    """Book one event and answer with what it came to; raises as a call does.

    An event is booked once, by its session's and its response's id: that is its idempotency key.
    """
    key = await gateway.authenticator.authenticate(request)
    require_scope(key, KeyScope.REALTIME)
    fields = Fields(parse_object(await request.read_body()), "chat")
    told = _read(fields)
    session = await _open_session(gateway, request, key, told, fields)
    verdict = await gateway.reads.run(lambda: _meter(session, told.event))
    if verdict.refusal is not None:
        raise await gateway.explain_access(verdict.refusal, key.company_id, "chat")
    content = {
        "object": "realtime.usage",
        "session_id": told.session_id,
        "call_id": verdict.hold_id,
        "tokens_charged": verdict.charged_tokens,
    }
    await respond(send, 200, orjson.dumps(content), {**request_id_header("chat", request.id), **_headers_of(verdict)})


async def _open_session(
    gateway: Gateway, request: Request, key: KeyTerms, told: _Told, fields: Fields
) -> RealtimeSession:
    catalog = await gateway.read_catalog(key.company_id)
    route = catalog.find_route(told.model, "chat")
    if catalog.kinds[route.provider] == "anthropic":
        raise Refusal(400, "model_not_realtime", f"The model '{told.model}' has no realtime sessions.", "model")
    require_model(key, told.model, route.model, str(route))
    listener = None if told.transcription_model is None else Route(route.provider, told.transcription_model)
    if listener is not None:
        require_model(key, listener.model, str(listener))
    attribution = await gateway.attributor.attribute(
        request, read_metadata(fields), company_id=key.company_id, api_key_id=key.id
    )
    if attribution.session_id is None:
        attribution = attribution._replace(session_id=told.session_id)
    return RealtimeSession(
        id=told.session_id,
        company_id=key.company_id,
        attribution=attribution,
        route=route,
        transcription_route=listener,
    )


def _meter(session: RealtimeSession, event: Mapping[str, Any]) -> Verdict:
    key_owner = decide_key_owner(session.company_id, session.id, session.route)
    return meter_event(replace(session, key_owner=key_owner), event)


def _read(fields: Fields) -> _Told:
    session_id, model = _require_id(fields, "session_id", _LONGEST_SESSION_ID), fields.require_name("model")
    event = Fields(fields.require("event", dict), "chat")
    kind = event.require_name("type")
    if kind not in _EVENTS:
        message = f"Events of the type '{kind[:_LONGEST_ID]}' tell no usage. Send {', '.join(_EVENTS)}."
        raise Refusal(400, "unknown_event", message, "event.type")
    if kind == _TRANSCRIBED:
        _require_id(event, "item_id")
    else:
        response = Fields(event.require("response", dict), "chat")
        _require_id(response, "id")
        if kind == "response.done":
            response.require_name("status")
    return _Told(session_id, model, fields.find("transcription_model", str), event.body)


def _require_id(fields: Fields, name: str, longest: int = _LONGEST_ID) -> str:
    value = fields.require_name(name)
    if len(value) > longest or not value.isprintable():
        raise fields.refuse("invalid_value", name, f"may have at most {longest} printable characters")
    return value


def _headers_of(verdict: Verdict) -> dict[str, str]:
    headers = {"x-winnow-call-id": str(verdict.hold_id), "x-winnow-tokens-charged": str(verdict.charged_tokens)}
    if verdict.available_tokens is not None:
        headers["x-winnow-balance"] = str(verdict.available_tokens)
    return headers
