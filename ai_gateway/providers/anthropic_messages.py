"""Anthropic's messages, through its SDK."""

import logging
from typing import Any, ClassVar

import anthropic

from ai_gateway.providers.adapter import Adapter, Ask, Received
from ai_gateway.providers.addresses import DEFAULT_ADDRESSES
from ai_gateway.providers.answers import (
    as_usage_object,
    garbled,
    parse_object,
    read_model,
    read_request_id,
    read_tier,
    sendable,
    settle_usage,
    written_calls,
)
from ai_gateway.providers.content import ToolCall
from ai_gateway.providers.messages_format import read_tool_calls, write_messages, write_tools
from ai_gateway.providers.messages_stream import MessagesStreamReader
from ai_gateway.providers.types import (
    FinishReason,
    JsonSchema,
    ProviderAnswer,
    ProviderIdentity,
    ProviderKind,
    ProviderRequest,
)
from ai_gateway.providers.usage import read_messages_usage

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}

# At DEBUG this SDK logs whole requests, CVs included.
logging.getLogger("anthropic").setLevel(logging.INFO)


class AnthropicMessages(Adapter):
    """A provider that speaks Anthropic's messages."""

    kind: ClassVar[ProviderKind] = "anthropic"
    sdk_client = anthropic.Anthropic
    async_sdk_client = anthropic.AsyncAnthropic
    sdk_error = anthropic.AnthropicError
    sdk_status_error = anthropic.APIStatusError
    stream_reader = MessagesStreamReader

    @staticmethod
    def address(base_url: str | None) -> str:
        """Return the address without /v1: the SDK adds that by itself, and people copy addresses with it."""
        return (base_url or DEFAULT_ADDRESSES["anthropic"]).rstrip("/").removesuffix("/v1")

    def ask(self, request: ProviderRequest) -> Ask[ProviderAnswer]:
        """Say how ``request`` is sent and its answer read."""
        return Ask(
            resource=lambda client: client.messages,
            parameters=message_parameters(request),
            read=lambda received: read_message_answer(received, request, self),
            timeout_seconds=request.timeout_seconds,
            call_id=request.call_id,
        )


def message_parameters(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of the request."""
    parameters: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": write_messages(request),
        **write_tools(request),
    }
    if request.system:
        parameters["system"] = sendable(request.system)
    if request.json_schema:
        schema = translate_schema(request.json_schema)
        parameters["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return parameters


def translate_schema(wanted: JsonSchema) -> dict[str, Any]:
    """Return the schema in the part of JSON Schema that the API enforces; other keywords become descriptions.

    The format has no name, so that stands in the title. What the SDK's translation does not know is sent
    as it is, for the API to judge.
    """
    schema = {"title": wanted.name, **wanted.schema}
    try:
        return anthropic.transform_schema(schema)
    except (AssertionError, TypeError, ValueError):
        return schema


def read_message_answer(received: Received, request: ProviderRequest, provider: ProviderIdentity) -> ProviderAnswer:
    """Read a successful message. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    raw_usage = as_usage_object(payload.get("usage"))
    usage = read_messages_usage(raw_usage)
    text, calls = _read_content(payload.get("content"))
    if text is None or calls is None:
        raise garbled(provider=provider.name, request_id=request_id, usage=usage)
    return ProviderAnswer(
        text=text,
        usage=settle_usage(usage, request=request, produced_text=text + written_calls(calls), provider=provider),
        model=read_model(payload, request.model),
        provider_request_id=request_id,
        finish_reason=_FINISH_REASONS.get(str(payload.get("stop_reason")), "other"),
        service_tier=read_tier(raw_usage.get("service_tier")),
        duration_ms=received.duration_ms,
        raw_usage=raw_usage,
        tool_calls=calls,
    )


def _read_content(content: object) -> tuple[str | None, tuple[ToolCall, ...] | None]:
    """Return the texts in order and the calls of tools; ``None`` for what is not in the format."""
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return None, None
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    text = "".join(texts) if all(isinstance(text, str) for text in texts) else None
    return text, read_tool_calls(content)
