"""Reading a provider's successful response: the steps that are the same for every wire format."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from ai_gateway.estimating import count_usage
from ai_gateway.providers.content import ToolCall
from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.providers.types import ProviderIdentity, ProviderRequest, Usage

log = structlog.get_logger(__name__)

# The usage log's columns; a broken server must not make an answer impossible to store.
_REQUEST_ID_CHARACTERS = 128
_MODEL_CHARACTERS = 128
_TIER_CHARACTERS = 32


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; an empty one when it holds anything else."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def garbled(*, provider: str, request_id: str, usage: Usage | None) -> ProviderGarbledAnswer:
    """Build the error for a success that is not in the provider's own format."""
    return ProviderGarbledAnswer(
        f"{provider} answered with success, but not in its own format.",
        delivery="unknown",
        provider_request_id=request_id,
        usage=usage,
    )


def settle_usage(
    usage: Usage | None, *, request: ProviderRequest, produced_text: str, provider: ProviderIdentity
) -> Usage:
    """Return the provider's usage, or our own count where it gave none; note numbers that contradict."""
    if usage is None:
        log.warning("provider_usage_missing", provider=provider.name, model=request.model, call_id=request.call_id)
        return count_usage(request, produced_text, provider.kind)
    if usage.contradictions:
        facts = {"model": request.model, "call_id": request.call_id, "contradictions": usage.contradictions}
        log.warning("provider_usage_contradictory", provider=provider.name, **facts)
    return usage


def read_request_id(headers: Mapping[str, str], payload: Mapping[str, Any]) -> str:
    """Return the id by which the provider's support finds the request, else the answer's own id."""
    found = headers.get("x-request-id") or headers.get("request-id") or payload.get("id")
    return found[:_REQUEST_ID_CHARACTERS] if isinstance(found, str) else ""


def read_model(payload: Mapping[str, Any], asked: str) -> str:
    """Return the model that answered; the one asked for when the provider does not say."""
    model = payload.get("model")
    return (model if isinstance(model, str) and model else asked)[:_MODEL_CHARACTERS]


def read_tier(value: object) -> str:
    """Return the service tier that was billed, or an empty string."""
    return value[:_TIER_CHARACTERS] if isinstance(value, str) else ""


def as_usage_object(value: object) -> dict[str, Any]:
    """Return the usage object as received, or an empty one."""
    return value if isinstance(value, dict) else {}


def sendable(text: str) -> str:
    """Return ``text`` without lone surrogates, which text extraction leaves and no JSON body can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def written_calls(calls: Sequence[ToolCall]) -> str:
    """Return what the model wrote to call tools, for our own count."""
    return "".join(f"{call.name}{call.arguments}" for call in calls)
