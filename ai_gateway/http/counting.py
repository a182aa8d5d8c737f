"""``POST /v1/messages/count_tokens``: how many tokens a message would be. Nothing is charged."""

import asyncio

import orjson

from ai_gateway.errors import CallFailed
from ai_gateway.http.authentication import require_model, require_scope
from ai_gateway.http.gateway import Gateway
from ai_gateway.http.images import put_in_images
from ai_gateway.http.requests import Request, Sender, parse_object
from ai_gateway.http.responding import request_id_header, respond
from ai_gateway.http.upstream_headers import list_upstream_headers
from ai_gateway.providers.errors import ProviderError, ProviderRejectedRequest
from ai_gateway.providers.upstream import Upstream
from ai_gateway.wire.asked import read_counted
from ai_gateway.wire.same_format import MeteredRequest
from tenants.models import KeyScope


async def serve_count(gateway: Gateway, request: Request, send: Sender) -> None:
    """Answer with the provider's count where it makes one, else with our upper bound; raises as a call does."""
    key = await gateway.authenticator.authenticate(request)
    require_scope(key, KeyScope.INFERENCE)
    content = await request.read_body()
    body = parse_object(content)
    asked = read_counted(body)
    route = (await gateway.read_catalog(key.company_id)).find_route(asked.model, "messages")
    require_model(key, asked.model, route.model, str(route))
    admission = await gateway.admit(key.company_id, route)
    if asked.image_urls:
        await put_in_images(gateway, asked, len(content), company_id=key.company_id)
    upstream = gateway.choose_upstream(admission.account)
    counted = None
    if upstream.account.kind == "anthropic":
        counted = await _ask_provider(gateway, upstream, request, orjson.dumps({**body, "model": route.model}))
    if counted is None:
        own = MeteredRequest(asked, upstream.account.kind, route.model)
        tokens = await asyncio.to_thread(own.count_input_tokens)
        counted = orjson.dumps({"input_tokens": tokens})
    await respond(send, 200, counted, request_id_header("messages", request.id))


async def _ask_provider(gateway: Gateway, upstream: Upstream, request: Request, body: bytes) -> bytes | None:
    """Return the provider's count, or None where it has none to give now."""
    headers = list_upstream_headers(request, "messages")
    try:
        answer = await upstream.post("messages/count_tokens", body, headers, gateway.whole_limits)
        try:
            return await answer.read()
        finally:
            answer.close()
    except ProviderRejectedRequest as error:
        if error.status == 404:
            return None
        raise CallFailed(error.code, error.message, retryable=False, hold_id=None) from error
    except ProviderError:
        return None
