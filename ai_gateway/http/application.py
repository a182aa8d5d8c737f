"""The ASGI application: ``/v1/`` is the gateway's, everything else is the site's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from django.conf import settings

from ai_gateway.http.counting import serve_count
from ai_gateway.http.errors import ClientLeft, Refusal, explain
from ai_gateway.http.gateway import Gateway
from ai_gateway.http.models_list import PATH as MODELS_PATH
from ai_gateway.http.models_list import serve_models
from ai_gateway.http.realtime_usage import PATH as REALTIME_PATH
from ai_gateway.http.realtime_usage import serve_realtime_usage
from ai_gateway.http.relay import Relay
from ai_gateway.http.requests import Receive, Request, Scope, Sender
from ai_gateway.http.responding import respond_with_error
from ai_gateway.wire.types import FormatName
from tenants.api_keys import KeyRing

logger = structlog.get_logger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]

_CALLS: Mapping[str, FormatName] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/embeddings": "embeddings",
    "/v1/messages": "messages",
}
_COUNT_PATH = "/v1/messages/count_tokens"


class GatewayApplication:
    """The gateway beside another ASGI application, which gets what is not below ``/v1/``.

    It needs a server that announces its start and its end (ASGI's lifespan). At the end no call is begun any more;
    those that are open are waited for, for ``API_SHUTDOWN_SECONDS``, then cancelled, and each ends its hold.
    """

    def __init__(self, beside: Application, keys: KeyRing) -> None:
        self._beside = beside
        self._keys = keys
        self._gateway: Gateway | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Sender) -> None:
        """Serve one connection of the ASGI server."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._serve(Request(scope, receive), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._beside(scope, receive, send)

    async def _live(self, receive: Receive, send: Sender) -> None:
        await receive()
        self._gateway = gateway = Gateway(self._keys)
        await gateway.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._gateway = None
        await self._end_calls()
        await gateway.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _end_calls(self) -> None:
        if self._open:
            _done, late = await asyncio.wait(self._open, timeout=settings.API_SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            if late:
                logger.warning("gateway_calls_cut", calls=len(late))
                await asyncio.wait(late)

    async def _serve(self, request: Request, send: Sender) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._route(request, send)
        finally:
            self._open.discard(task)

    async def _route(self, request: Request, send: Sender) -> None:
        format_name = _CALLS.get(request.path) or _guess_format(request)
        try:
            if self._gateway is None:
                raise Refusal(503, "not_serving", "Winnow is starting or stopping.", headers={"retry-after": "1"})
            if request.path in _CALLS:
                _require_method(request, "POST")
                await Relay(self._gateway, request, send, format_name).serve()
            elif request.path == _COUNT_PATH:
                _require_method(request, "POST")
                await serve_count(self._gateway, request, send)
            elif request.path == REALTIME_PATH:
                _require_method(request, "POST")
                await serve_realtime_usage(self._gateway, request, send)
            elif request.path == MODELS_PATH or request.path.startswith(f"{MODELS_PATH}/"):
                _require_method(request, "GET")
                await serve_models(self._gateway, request, send, format_name)
            else:
                raise Refusal(404, "unknown_url", f"There is nothing at {request.method} {request.path}.")
        except ClientLeft:
            return
        except Exception as error:
            await respond_with_error(send, explain(error, format_name), format_name, request.id)


def _guess_format(request: Request) -> FormatName:
    """Tell which SDK asks where the path does not say it."""
    is_anthropic = b"anthropic-version" in request.headers or request.path.startswith("/v1/messages")
    return "messages" if is_anthropic else "chat"


def _require_method(request: Request, method: str) -> None:
    if request.method != method:
        message = f"{request.path} takes {method}, not {request.method}."
        raise Refusal(405, "method_not_allowed", message, headers={"allow": method})
