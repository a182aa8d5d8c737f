"""Anthropic's messages, through its SDK."""

import logging
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import anthropic
import httpx2

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
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.failures import classify_response, classify_transport
from ai_gateway.providers.transport import build_http_client, build_timeout
from ai_gateway.providers.types import (
    FinishReason,
    JsonSchema,
    ProviderAnswer,
    ProviderIdentity,
    ProviderKind,
    ProviderRequest,
)
from ai_gateway.providers.usage import read_messages_usage

DEFAULT_BASE_URL = "https://api.anthropic.com"
_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}

# At DEBUG this SDK logs whole requests, CVs included.
logging.getLogger("anthropic").setLevel(logging.INFO)


class AnthropicMessages:
    """A provider that speaks Anthropic's messages. One instance per process, shared between threads.

    The SDK's own retries are off: each attempt is committed to the ledger before it is made.
    """

    kind: ClassVar[ProviderKind] = "anthropic"

    def __init__(
        self, *, name: str, api_key: str, base_url: str | None, http_client: httpx2.Client | None = None
    ) -> None:
        self.name = name
        self._api_key = api_key
        # The SDK adds /v1 by itself; people copy addresses with it.
        address = (base_url or DEFAULT_BASE_URL).rstrip("/").removesuffix("/v1")
        self._client = anthropic.Anthropic(
            api_key=api_key,
            base_url=address,
            max_retries=0,
            http_client=http_client or build_http_client(address),
        )

    def complete(self, request: ProviderRequest) -> ProviderAnswer:
        """Send ``request`` once and return the answer; raise a ``ProviderError`` when there is none."""
        started = time.monotonic()
        try:
            response = self._client.messages.with_raw_response.create(
                **message_parameters(request),
                timeout=build_timeout(request.timeout_seconds),
                extra_headers={"X-Client-Request-Id": request.call_id},
            )
        except anthropic.AnthropicError as error:
            failure = explain_error(error, provider=self.name, api_key=self._api_key)
        else:
            duration_ms = round((time.monotonic() - started) * 1000)
            body = response.http_response.content
            return read_message_answer(body, response.headers, request, self, duration_ms=duration_ms)
        raise failure  # out here, so that the SDK's exception with the request's headers is not its context


def message_parameters(request: ProviderRequest) -> dict[str, Any]:
    """Return the body of the request."""
    turns = [turn for turn in request.messages if turn.role != "system"]
    parameters: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": [{"role": turn.role, "content": sendable(turn.text)} for turn in turns],
    }
    if request.system:
        parameters["system"] = sendable(request.system)
    if request.json_schema:
        schema = _translate_schema(request.json_schema)
        parameters["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return parameters


def _translate_schema(wanted: JsonSchema) -> dict[str, Any]:
    """Return the schema in the part of JSON Schema that the API enforces; other keywords become descriptions.

    The format has no name, so that stands in the title. What the SDK's translation does not know is sent
    as it is, for the API to judge.
    """
    schema = {"title": wanted.name, **wanted.schema}
    try:
        return anthropic.transform_schema(schema)
    except (AssertionError, TypeError, ValueError):
        return schema


def explain_error(error: anthropic.AnthropicError, *, provider: str, api_key: str) -> ProviderError:
    """Translate an exception of the SDK, synchronous or not."""
    if isinstance(error, anthropic.APIStatusError):
        return classify_response(
            provider=provider,
            status=error.status_code,
            headers=error.response.headers,
            body=error.body,
            api_key=api_key,
        )
    return classify_transport(provider=provider, cause=error.__cause__)


def read_message_answer(
    body: bytes,
    headers: Mapping[str, str],
    request: ProviderRequest,
    provider: ProviderIdentity,
    *,
    duration_ms: int,
) -> ProviderAnswer:
    """Read a successful message. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(body)
    request_id = read_request_id(headers, payload)
    raw_usage = as_usage_object(payload.get("usage"))
    usage = read_messages_usage(raw_usage)
    text = _read_text(payload.get("content"))
    if text is None:
        raise garbled(provider=provider.name, request_id=request_id, usage=usage)
    return ProviderAnswer(
        text=text,
        usage=settle_usage(usage, request=request, produced_text=text, provider=provider.name, kind=provider.kind),
        model=read_model(payload, request),
        provider_request_id=request_id,
        finish_reason=_FINISH_REASONS.get(str(payload.get("stop_reason")), "other"),
        service_tier=read_tier(raw_usage.get("service_tier")),
        duration_ms=duration_ms,
        raw_usage=raw_usage,
    )


def _read_text(content: object) -> str | None:
    """Return the text blocks in order, or ``None`` when this is not a list of blocks."""
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return None
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None
