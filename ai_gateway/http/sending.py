"""One call's requests to providers: what is sent, and what becomes of the answer."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from structlog.contextvars import bind_contextvars

from ai_gateway.effects import Send
from ai_gateway.http.candidates import Candidates, Way, name_model
from ai_gateway.http.idempotency import store_body
from ai_gateway.http.leases import LeaseKeeper
from ai_gateway.http.outlets import Outlet
from ai_gateway.http.responding import EVENTS, JSON
from ai_gateway.http.streaming import pass_on
from ai_gateway.providers.errors import ProviderError, ProviderGarbledAnswer
from ai_gateway.providers.types import Usage
from ai_gateway.providers.upstream import TimeLimits, UpstreamAnswer, parse_json
from ai_gateway.routing import Route
from ai_gateway.wire.types import Streamable


class RelayedReply(NamedTuple):
    """A provider's answer as the life of a call takes it: what it used, and the bytes that the caller gets."""

    usage: Usage
    model: str
    service_tier: str
    provider_request_id: str
    finish_reason: str
    duration_ms: int
    route: Route
    body: bytes
    content_type: str

    def stored(self) -> dict[str, Any]:
        """Return what a repeat is answered with."""
        return {**store_body(self.body, self.content_type), "route": str(self.route)}


class Transmission:
    """The requests of one call. ``outlet`` is where a stream goes, None for an answer that is given whole."""

    def __init__(
        self,
        candidates: Candidates,
        headers: Mapping[str, str],
        limits: TimeLimits,
        outlet: Outlet | None,
        drain_seconds: float,
        keeper: LeaseKeeper,
    ) -> None:
        self.candidates = candidates
        self._headers = headers
        self._limits = limits
        self._outlet = outlet
        self._drain_seconds = drain_seconds
        self._keeper = keeper
        self.output_limit: int | None = None

    async def send(self, wanted: Send) -> RelayedReply:
        """Make one request; raises ``ProviderError`` when there is no answer."""
        bind_contextvars(hold_id=str(wanted.hold_id))
        way = self.candidates.ways[wanted.candidate.route]
        self.output_limit = wanted.output_limit
        if self._outlet is not None:
            named = name_model(str(way.route), self.candidates.asked_route)
            self._outlet.headers |= {"x-winnow-call-id": str(wanted.hold_id), **named}
        self._keeper.begin(wanted.hold_id)
        try:
            return await self._ask(way, wanted)
        finally:
            self._keeper.end()

    async def _ask(self, way: Way, wanted: Send) -> RelayedReply:
        started = time.monotonic()
        answer = await way.upstream.post(
            way.exchange.path,
            way.exchange.write_request(wanted.candidate.route.model, wanted.output_limit),  # not kept during the answer
            self._headers,
            self._limits,
        )
        try:
            if self._outlet is None:
                return await self._take_whole(answer, way, started)
            return await self._take_stream(answer, way, self._outlet, started)
        except ProviderError as error:
            error.provider_request_id = error.provider_request_id or answer.request_id
            raise
        finally:
            answer.close()

    async def _take_whole(self, answer: UpstreamAnswer, way: Way, started: float) -> RelayedReply:
        reply = way.exchange.read_answer(await answer.read())
        return RelayedReply(
            usage=reply.usage,
            model=reply.model,
            service_tier=reply.service_tier,
            provider_request_id=answer.request_id,
            finish_reason=reply.finish_reason,
            duration_ms=_milliseconds_since(started),
            route=way.route,
            body=reply.body,
            content_type=JSON,
        )

    async def _take_stream(self, answer: UpstreamAnswer, way: Way, outlet: Outlet, started: float) -> RelayedReply:
        if answer.content_type != EVENTS:
            raise await _explain_no_stream(answer)
        assert isinstance(way.exchange, Streamable)  # of other formats nobody can ask for a stream
        reader = way.exchange.open_stream()
        seconds = self._limits.total_seconds - (time.monotonic() - started)
        usage = await pass_on(answer, reader, outlet, seconds=seconds, drain_seconds=self._drain_seconds)
        return RelayedReply(
            usage=usage,
            model=reader.model,
            service_tier=reader.service_tier,
            provider_request_id=answer.request_id,
            finish_reason=reader.finish_reason or ("" if reader.is_complete else "client_left"),
            duration_ms=_milliseconds_since(started),
            route=way.route,
            body=b"".join(outlet.kept),
            content_type=EVENTS,
        )


async def _explain_no_stream(answer: UpstreamAnswer) -> ProviderError:
    """Tell what came with success instead of a stream: some servers send an error so, others somebody's page."""
    content = parse_json(await answer.read())
    if isinstance(content, Mapping) and content.get("error"):
        return answer.explain_error(content)
    return ProviderGarbledAnswer("The provider answered with success, but not with a stream.", delivery="unknown")


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
