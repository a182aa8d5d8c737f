"""A call on its way through: read, admitted, planned, held, sent, settled, answered."""

import structlog
from django.conf import settings
from structlog.contextvars import bind_contextvars

from ai_gateway.async_driving import adrive
from ai_gateway.effects import PlannedCall, Replayed, Settled
from ai_gateway.errors import AccessRefused, CallUnderWay
from ai_gateway.http.authentication import require_model, require_scope
from ai_gateway.http.candidates import FALLS_BACK_ON, MODEL_HEADERS, Candidates, list_fallbacks, name_model
from ai_gateway.http.errors import ClientLeft, Refusal, explain
from ai_gateway.http.gateway import OPERATION, Gateway
from ai_gateway.http.idempotency import hash_request, read_key, read_stored, wait_until_ended
from ai_gateway.http.images import put_in_images
from ai_gateway.http.leases import LeaseKeeper
from ai_gateway.http.outlets import Outlet
from ai_gateway.http.requests import Request, Sender, parse_object
from ai_gateway.http.responding import (
    EVENTS,
    begin_stream,
    end_stream,
    request_id_header,
    respond,
    respond_with_error,
)
from ai_gateway.http.sending import Transmission
from ai_gateway.http.upstream_headers import list_upstream_headers
from ai_gateway.life import live
from ai_gateway.routing import Route
from ai_gateway.stored_answers import get_stored_answer
from ai_gateway.wire.asked import read_asked
from ai_gateway.wire.errors import write_stream_error
from ai_gateway.wire.types import Asked, FormatName
from tenants.api_keys import KeyTerms
from tenants.models import KeyScope

logger = structlog.get_logger(__name__)


class Relay:
    """One request for an answer of a model, in one format."""

    def __init__(self, gateway: Gateway, request: Request, send: Sender, format_name: FormatName) -> None:
        self._gateway = gateway
        self._request = request
        self._send = send
        self._format = format_name
        self._outlet: Outlet | None = None
        self._own_headers = request_id_header(format_name, request.id)

    async def serve(self) -> None:
        """Answer, whatever happens."""
        try:
            await self._serve()
        except ClientLeft:
            return
        except Exception as error:
            await self._fail(await self._with_balance(error))
        finally:
            if self._outlet is not None:
                self._outlet.close()

    async def _serve(self) -> None:
        key = await self._gateway.authenticator.authenticate(self._request)
        require_scope(key, KeyScope.INFERENCE)
        bind_contextvars(call_id=self._request.id, company_id=key.company_id, operation=OPERATION)
        body = await self._request.read_body()
        asked = read_asked(self._format, parse_object(body))
        self._company_id = key.company_id
        call, candidates = await self._plan(key, asked, body)
        del body  # not kept while the model thinks: the next long one is read into its place
        if asked.stream:
            keeps = call.key is not None
            self._outlet = Outlet(self._send, self._request.receive, self._own_headers, keeps=keeps)
        transmission = Transmission(
            candidates,
            list_upstream_headers(self._request, self._format),
            self._gateway.stream_limits if asked.stream else self._gateway.whole_limits,
            self._outlet,
            settings.API_DRAIN_SECONDS,
            LeaseKeeper(self._gateway.ledger, self._gateway.lease_seconds),
        )
        ended = await self._live(call, transmission)
        if isinstance(ended, Replayed):
            await self._replay(ended, asked, candidates.asked_route)
        elif self._outlet is not None:
            await self._outlet.end()
        else:
            await respond(self._send, 200, ended.reply.body, self._headers_of(ended, transmission))

    async def _plan(self, key: KeyTerms, asked: Asked, body: bytes) -> tuple[PlannedCall, Candidates]:
        gateway = self._gateway
        route = (await gateway.read_catalog(key.company_id)).find_route(asked.model, self._format)
        require_model(key, asked.model, route.model, str(route))
        admission = await gateway.admit(key.company_id, route)
        attribution = await gateway.attributor.attribute(
            self._request, asked.metadata, company_id=key.company_id, api_key_id=key.id
        )
        idempotency_key = read_key(self._request, self._format)
        others = list_fallbacks(self._request, asked, key, admission)

        def plan() -> tuple[PlannedCall, Candidates]:
            candidates = Candidates(gateway, asked, admission, others)
            call = PlannedCall(
                company_id=key.company_id,
                operation=OPERATION,
                attribution=attribution,
                candidates=candidates,
                key=idempotency_key,
                request_hash=hash_request(self._request, body) if idempotency_key else None,
                streamed=asked.stream,
                falls_back_on=FALLS_BACK_ON,
                answer_days=admission.answer_days,
            )
            return call, candidates

        if asked.image_urls:
            await put_in_images(
                gateway, asked, len(body), company_id=key.company_id, key=idempotency_key, plan=lambda: plan()[0]
            )
        return plan()

    async def _live(self, call: PlannedCall, transmission: Transmission) -> Settled | Replayed:
        """Live the call; if another request makes it just now, wait for that one's answer for a while."""
        ledger = self._gateway.ledger
        try:
            return await adrive(live(call), ledger, transmission.send)
        except CallUnderWay as flight:
            if not await wait_until_ended(self._gateway.reads, flight.hold_id, settings.API_REPEAT_WAIT_SECONDS):
                raise
            return await adrive(live(call), ledger, transmission.send)

    async def _replay(self, replayed: Replayed, asked: Asked, asked_route: Route) -> None:
        """Give the same bytes again."""
        stored = await self._gateway.reads.run(lambda: get_stored_answer(replayed.hold_id))
        body, content_type = read_stored(stored)
        logger.info("call_replayed", hold_id=str(replayed.hold_id))
        headers = {
            **self._own_headers,
            "x-winnow-call-id": str(replayed.hold_id),
            "x-winnow-replayed": "true",
            "x-winnow-tokens-charged": "0",
            **name_model(stored["route"], asked_route),
        }
        if asked.stream and content_type == EVENTS:
            await begin_stream(self._send, headers)
            await end_stream(self._send, body)
        else:
            await respond(self._send, 200, body, headers, content_type)

    def _headers_of(self, ended: Settled, transmission: Transmission) -> dict[str, str]:
        headers = {
            **self._own_headers,
            "x-winnow-call-id": str(ended.hold_id),
            "x-winnow-tokens-charged": str(ended.charged_tokens),
            **name_model(str(ended.candidate.route), transmission.candidates.asked_route),
        }
        if ended.settlement is not None and ended.settlement.available_tokens is not None:
            headers["x-winnow-balance"] = str(ended.settlement.available_tokens)
        if transmission.output_limit != ended.candidate.plan.output_tokens:
            headers["x-winnow-output-limit"] = str(transmission.output_limit)
        return headers

    async def _with_balance(self, error: Exception) -> Refusal:
        """Explain an error; one for lack of tokens with the numbers of requirement C3."""
        if not isinstance(error, AccessRefused):
            return explain(error, self._format)
        return await self._gateway.explain_access(error, self._company_id, self._format)

    async def _fail(self, refusal: Refusal) -> None:
        if self._outlet is None or not self._outlet.has_begun:
            headers = self._outlet.headers if self._outlet is not None else {}
            headers = {name: value for name, value in headers.items() if name not in MODEL_HEADERS}  # none answered
            refusal.headers = {**headers, **refusal.headers}
            await respond_with_error(self._send, refusal, self._format, self._request.id)
        elif self._outlet.has_told_error:
            await self._outlet.end()
        else:
            event = write_stream_error(
                self._format,
                status=refusal.status,
                code=refusal.code,
                message=refusal.message,
                details=refusal.details,
                request_id=self._request.id,
            )
            await self._outlet.end(event)
