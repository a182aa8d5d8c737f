"""OpenAI's chat completions, through its SDK."""

from collections.abc import Mapping
from typing import Any, ClassVar

import openai

from ai_gateway.providers.adapter import Adapter, Ask, Received
from ai_gateway.providers.answers import (
    as_usage_object,
    garbled,
    parse_object,
    read_model,
    read_request_id,
    read_tier,
    sendable,
    settle_usage,
)
from ai_gateway.providers.types import FinishReason, ProviderAnswer, ProviderIdentity, ProviderKind, ProviderRequest
from ai_gateway.providers.usage import read_chat_usage

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}


class OpenAIChat(Adapter):
    """A provider that speaks OpenAI's chat completions."""

    kind: ClassVar[ProviderKind] = "openai"
    sdk_client = openai.OpenAI
    async_sdk_client = openai.AsyncOpenAI
    sdk_error = openai.OpenAIError
    sdk_status_error = openai.APIStatusError

    @staticmethod
    def address(base_url: str | None) -> str:
        """Return the address, OpenAI's own if none is set."""
        return base_url or DEFAULT_BASE_URL

    def ask(self, request: ProviderRequest) -> Ask[ProviderAnswer]:
        """Say how ``request`` is sent and its answer read."""
        return Ask(
            resource=lambda client: client.chat.completions,
            parameters=self.parameters(request),
            read=lambda received: read_chat_answer(received, request, self),
            timeout_seconds=request.timeout_seconds,
            call_id=request.call_id,
        )

    @staticmethod
    def parameters(request: ProviderRequest) -> dict[str, Any]:
        """Return the body of the request. ``store`` off: the account is shared between companies."""
        return {
            **basic_parameters(request),
            "max_completion_tokens": request.max_output_tokens,
            "store": False,
        }


def basic_parameters(request: ProviderRequest) -> dict[str, Any]:
    """Return the part of the body that every server of this format understands."""
    messages = [{"role": turn.role, "content": sendable(turn.text)} for turn in request.messages]
    parameters: dict[str, Any] = {"model": request.model, "messages": messages}
    if request.json_schema:
        shape = {"name": request.json_schema.name, "schema": dict(request.json_schema.schema), "strict": True}
        parameters["response_format"] = {"type": "json_schema", "json_schema": shape}
    return parameters


def read_chat_answer(received: Received, request: ProviderRequest, provider: ProviderIdentity) -> ProviderAnswer:
    """Read a successful chat completion. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    usage = read_chat_usage(payload.get("usage"))
    choice = _first_choice(payload)
    message = choice.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | None):
        raise garbled(provider=provider.name, request_id=request_id, usage=usage)
    text, refusal = message.get("content") or "", message.get("refusal")
    refused = isinstance(refusal, str) and bool(refusal)
    return ProviderAnswer(
        text=str(refusal) if refused else text,
        usage=settle_usage(
            usage,
            request=request,
            produced_text=_produced_text(message),
            provider=provider.name,
            kind=provider.kind,
        ),
        model=read_model(payload, request),
        provider_request_id=request_id,
        finish_reason="refusal" if refused else _FINISH_REASONS.get(str(choice.get("finish_reason")), "other"),
        service_tier=read_tier(payload.get("service_tier")),
        duration_ms=received.duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
    )


def _first_choice(payload: Mapping[str, Any]) -> dict[str, Any]:
    choices = payload.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _produced_text(message: Mapping[str, Any]) -> str:
    """Return all that the model wrote, its open reasoning included, where our own count is needed."""
    written = (message.get(part) for part in ("reasoning_content", "content", "refusal"))
    return "".join(part for part in written if isinstance(part, str))
