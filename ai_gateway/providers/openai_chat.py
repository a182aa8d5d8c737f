"""OpenAI's chat completions, through its SDK."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx2
import openai

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
from ai_gateway.providers.types import FinishReason, ProviderAnswer, ProviderIdentity, ProviderKind, ProviderRequest
from ai_gateway.providers.usage import read_chat_usage

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "refusal"}


class OpenAIChat:
    """A provider that speaks OpenAI's chat completions. One instance per process, shared between threads.

    The SDK's own retries are off: each attempt is committed to the ledger before it is made.
    """

    kind: ClassVar[ProviderKind] = "openai"

    def __init__(
        self, *, name: str, api_key: str, base_url: str | None, http_client: httpx2.Client | None = None
    ) -> None:
        self.name = name
        self._api_key = api_key
        address = base_url or DEFAULT_BASE_URL
        self._client = openai.OpenAI(
            api_key=api_key,
            base_url=address,
            max_retries=0,
            http_client=http_client or build_http_client(address),
        )

    def complete(self, request: ProviderRequest) -> ProviderAnswer:
        """Send ``request`` once and return the answer; raise a ``ProviderError`` when there is none."""
        started = time.monotonic()
        try:
            response = self._client.chat.completions.with_raw_response.create(
                **self.parameters(request),
                timeout=build_timeout(request.timeout_seconds),
                extra_headers={"X-Client-Request-Id": request.call_id},
            )
        except openai.OpenAIError as error:
            failure = explain_error(error, provider=self.name, api_key=self._api_key)
        else:
            duration_ms = round((time.monotonic() - started) * 1000)
            return read_chat_answer(response.content, response.headers, request, self, duration_ms=duration_ms)
        raise failure  # out here, so that the SDK's exception with the request's headers is not its context

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


def explain_error(error: openai.OpenAIError, *, provider: str, api_key: str) -> ProviderError:
    """Translate an exception of the SDK, synchronous or not."""
    if isinstance(error, openai.APIStatusError):
        return classify_response(
            provider=provider,
            status=error.status_code,
            headers=error.response.headers,
            body=error.body,
            api_key=api_key,
        )
    return classify_transport(provider=provider, cause=error.__cause__)


def read_chat_answer(
    body: bytes, headers: Mapping[str, str], request: ProviderRequest, provider: ProviderIdentity, *, duration_ms: int
) -> ProviderAnswer:
    """Read a successful chat completion. Raises ``ProviderGarbledAnswer``, with the usage if that is readable."""
    payload = parse_object(body)
    request_id = read_request_id(headers, payload)
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
        duration_ms=duration_ms,
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
