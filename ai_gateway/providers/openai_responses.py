"""OpenAI's Responses, through its SDK. Nothing is stored, nothing runs in the background."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ai_gateway.providers.adapter import Ask, Received
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
from ai_gateway.providers.errors import (
    ProviderError,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderUnavailable,
)
from ai_gateway.providers.failures import redact
from ai_gateway.providers.openai_media import OpenAIMedia
from ai_gateway.providers.responses_format import Output, read_output, write_input, write_tools
from ai_gateway.providers.responses_stream import ResponsesStreamReader
from ai_gateway.providers.types import (
    FinishReason,
    ProviderAnswer,
    ProviderIdentity,
    ProviderKind,
    ProviderRequest,
    Usage,
)
from ai_gateway.providers.usage import read_responses_usage

_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "refusal"}
# The other codes of a failed response complain about the request.
_FAULTS_OF_THE_PROVIDER = {"", "server_error", "vector_store_timeout"}
_DETAIL_CHARACTERS = 500


class OpenAIResponses(OpenAIMedia):
    """A provider that speaks OpenAI's Responses."""

    kind: ClassVar[ProviderKind] = "openai"
    stream_reader = ResponsesStreamReader

    def ask(self, request: ProviderRequest) -> Ask[ProviderAnswer]:
        """Say how ``request`` is sent and its answer read."""
        return Ask(
            resource=lambda client: client.responses,
            parameters=response_parameters(request),
            read=lambda received: read_response_answer(received, request, self),
            timeout_seconds=request.timeout_seconds,
            call_id=request.call_id,
        )


def response_parameters(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of the request. ``store`` off: the account is shared between companies."""
    parameters: dict[str, Any] = {
        "model": request.model,
        "input": write_input(request),
        "max_output_tokens": request.max_output_tokens,
        "store": False,
        **write_tools(request),
    }
    if request.system:
        parameters["instructions"] = sendable(request.system)
    if request.json_schema:
        shape = {"name": request.json_schema.name, "schema": dict(request.json_schema.schema), "strict": True}
        parameters["text"] = {"format": {"type": "json_schema", **shape}}
    return parameters


def read_response_answer(received: Received, request: ProviderRequest, provider: ProviderIdentity) -> ProviderAnswer:
    """Read a response. Raises ``ProviderGarbledAnswer``, or what a failed one says, with the usage if there is one."""
    payload = parse_object(received.body)
    request_id = read_request_id(received.headers, payload)
    return read_response(payload, request, provider, request_id=request_id, duration_ms=received.duration_ms)


def read_response(
    payload: Mapping[str, Any],
    request: ProviderRequest,
    provider: ProviderIdentity,
    *,
    request_id: str,
    duration_ms: int,
) -> ProviderAnswer:
    """Read a response object, from a body or from the last event of a stream."""
    usage = read_responses_usage(payload.get("usage"), payload.get("tool_usage"))
    output = read_output(payload.get("output"))
    if payload.get("status") in {"failed", "cancelled"}:
        raise _explain_failed(payload, provider.name, request_id, usage)
    if output is None:
        raise garbled(provider=provider.name, request_id=request_id, usage=usage)
    written = output.text + output.refusal + written_calls(output.tool_calls)
    return ProviderAnswer(
        text=output.refusal or output.text,
        usage=settle_usage(usage, request=request, produced_text=written, provider=provider),
        model=read_model(payload, request.model),
        provider_request_id=request_id,
        finish_reason=_read_finish_reason(payload, output),
        service_tier=read_tier(payload.get("service_tier")),
        duration_ms=duration_ms,
        raw_usage=as_usage_object(payload.get("usage")),
        tool_calls=output.tool_calls,
    )


def _read_finish_reason(payload: Mapping[str, Any], output: Output) -> FinishReason:
    if output.refusal:
        return "refusal"
    if payload.get("status") == "incomplete":
        details = payload.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return _INCOMPLETE.get(str(reason), "other")
    if payload.get("status") != "completed":
        return "other"
    return "tool_calls" if output.tool_calls else "stop"


def _explain_failed(payload: Mapping[str, Any], provider: str, request_id: str, usage: Usage | None) -> ProviderError:
    """Explain a response that ended without an answer; work was begun, so it may have cost something."""
    error = payload.get("error")
    complaint: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    code, words = str(complaint.get("code") or ""), str(complaint.get("message") or "")
    error_class: type[ProviderError] = ProviderRejectedRequest
    if code == "rate_limit_exceeded":
        error_class = ProviderRateLimited
    elif code in _FAULTS_OF_THE_PROVIDER:
        error_class = ProviderUnavailable
    named = f"{payload['status']} {redact(code, '')}".strip()
    return error_class(
        f"{provider} ended the response without an answer ({named[:80]}).",
        delivery="unknown",
        provider_request_id=request_id,
        detail=redact(words, "")[:_DETAIL_CHARACTERS],
        usage=usage,
    )
