"""OpenAI's chat completions, through its SDK."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ai_gateway.providers.adapter import Ask, Received
from ai_gateway.providers.answers import (
    as_usage_object,
    garbled,
    parse_object,
    read_model,
    read_request_id,
    read_tier,
    settle_usage,
    written_calls,
)
from ai_gateway.providers.chat_format import read_tool_calls, write_messages, write_tools
from ai_gateway.providers.chat_stream import ChatStreamReader
from ai_gateway.providers.content import ToolCall
from ai_gateway.providers.openai_media import OpenAIMedia
from ai_gateway.providers.types import FinishReason, ProviderAnswer, ProviderIdentity, ProviderKind, ProviderRequest
from ai_gateway.providers.usage import read_chat_usage

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "refusal",
}


class OpenAIChat(OpenAIMedia):
    """A provider that speaks OpenAI's chat completions."""

    kind: ClassVar[ProviderKind] = "openai"
    stream_reader = ChatStreamReader
    stream_options = {"stream": True, "stream_options": {"include_usage": True}}

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
    parameters: dict[str, Any] = {"model": request.model, "messages": write_messages(request), **write_tools(request)}
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
    calls = read_tool_calls(message) if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | None) or calls is None:
        raise garbled(provider=provider.name, request_id=request_id, usage=usage)
    text, refusal = message.get("content") or "", message.get("refusal")
    refused = isinstance(refusal, str) and bool(refusal)
    return ProviderAnswer(
        text=str(refusal) if refused else text,
        usage=settle_usage(usage, request=request, produced_text=_produced_text(message, calls), provider=provider),
        model=read_model(payload, request.model),
        provider_request_id=request_id,
        finish_reason="refusal" if refused else read_finish_reason(choice.get("finish_reason"), calls),
        service_tier=read_tier(payload.get("service_tier")),
        duration_ms=received.duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
        tool_calls=calls,
    )


def read_finish_reason(reason: object, calls: Sequence[ToolCall]) -> FinishReason:
    """Return why the answer ended; a tool that had to be called makes OpenAI say ``stop``."""
    meaning = _FINISH_REASONS.get(str(reason), "other")
    return "tool_calls" if calls and meaning == "stop" else meaning


def _first_choice(payload: Mapping[str, Any]) -> dict[str, Any]:
    choices = payload.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _produced_text(message: Mapping[str, Any], calls: Sequence[ToolCall]) -> str:
    """Return all that the model wrote, its open reasoning included, where our own count is needed."""
    written = [message.get(part) for part in ("reasoning_content", "content", "refusal")]
    return "".join(part for part in written if isinstance(part, str)) + written_calls(calls)
