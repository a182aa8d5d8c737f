"""OpenAI's Responses."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ai_gateway.providers.answers import read_model, read_tier
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_responses_usage
from ai_gateway.wire.json_text import read_object, write_json
from ai_gateway.wire.same_format import EventReader, MeteredRequest, garbled_answer
from ai_gateway.wire.types import Reply

_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "refusal"}
_WRITTEN = ("text", "refusal", "arguments", "input", "name")


class ResponsesExchange(MeteredRequest):
    """A response passed on as it is."""

    path = "responses"

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the body, with nothing stored."""
        return write_json({**self.asked.body, "model": model, "max_output_tokens": output_limit, "store": False})

    def read_answer(self, body: bytes) -> Reply:
        """Read a ``response``. Raises ``ProviderGarbledAnswer``."""
        payload = read_object(body)
        usage = read_own_usage(payload)
        if not isinstance(payload.get("output"), list) or not isinstance(payload.get("status"), str):
            raise garbled_answer(payload, usage)
        return Reply(
            body=body,
            usage=usage or self.count_answer(payload, list(iter_output_texts(payload))),
            model=read_model(payload, self.model),
            finish_reason=read_finish(payload),
            service_tier=read_tier(payload.get("service_tier")),
        )

    def open_stream(self) -> "ResponsesStream":
        """Begin to read events."""
        return ResponsesStream(self)

    def count_answer(self, response: Mapping[str, Any], produced: list[str]) -> Usage:
        """Count what was not reported; a response that failed before it wrote anything has not used anything."""
        if response.get("status") == "failed" and not any(produced):
            return Usage(source="counted")
        return self.count_usage(produced)


class ResponsesStream(EventReader):
    """The events of a response; its usage comes with the last."""

    telling = re.compile(
        rb'"type"\s*(?:data:\s*)*:\s*(?:data:\s*)*"(?:error|response\.(?:completed|incomplete|failed|cancelled))"'
    )

    def __init__(self, request: ResponsesExchange) -> None:
        super().__init__(request)
        self._exchange = request
        self._last: Mapping[str, Any] = {}

    def take(self, payload: Mapping[str, Any]) -> bool:
        """Learn how the response ended, or the error that ended it."""
        kind = payload.get("type")
        response = payload.get("response")
        if isinstance(response, Mapping):
            self.model = read_model(response, self.model)
        if kind == "error" or payload.get("error"):
            nested = payload.get("error")
            self.error = nested if isinstance(nested, Mapping) else payload
        elif kind in _ENDS and isinstance(response, Mapping):
            self._take_end(response)
        return True

    def _take_end(self, response: Mapping[str, Any]) -> None:
        self.is_complete = True
        self._last = response
        self._take_usage(read_own_usage(response))
        self._take_tier(response.get("service_tier"))
        self.finish_reason = read_finish(response)
        if response.get("status") == "failed":
            error = response.get("error")
            self.error = error if isinstance(error, Mapping) else {"message": "The response failed."}

    def settle_usage(self) -> Usage:
        """Return the provider's usage, or our own count of what was received."""
        return self.usage or self._exchange.count_answer(self._last, self._list_produced())

    def produced(self, payload: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
        """Yield the pieces of texts, refusals, open reasoning and arguments."""
        kind, delta = payload.get("type"), payload.get("delta")
        if isinstance(kind, str) and kind.endswith(".delta") and isinstance(delta, str):
            yield (kind, payload.get("output_index"), payload.get("content_index"), payload.get("summary_index")), delta


def read_own_usage(response: Mapping[str, Any]) -> Usage | None:
    """Return the usage of a response, hosted tools included."""
    return read_responses_usage(response.get("usage"), response.get("tool_usage"))


def read_finish(response: Mapping[str, Any]) -> str:
    """Return how a response ended, in the words of the usage log."""
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        return _INCOMPLETE.get(str(details.get("reason")) if isinstance(details, Mapping) else "", "other")
    if response.get("status") != "completed":
        return "other"
    output = response.get("output")
    items = [item for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []
    calls = any(item.get("type") in {"function_call", "custom_tool_call"} for item in items)
    return "tool_calls" if calls else "stop"


def iter_output_texts(response: Mapping[str, Any]) -> Iterator[str]:
    """Yield all that the model wrote, its open reasoning included."""
    for item in response["output"]:
        if isinstance(item, Mapping):
            parts = [
                part for name in ("content", "summary") for part in item.get(name) or [] if isinstance(part, Mapping)
            ]
            for holder in (item, *parts):
                yield from (text for name in _WRITTEN if isinstance(text := holder.get(name), str))
