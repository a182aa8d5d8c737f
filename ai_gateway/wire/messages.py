"""Anthropic's messages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ai_gateway.providers.answers import as_usage_object, read_model, read_tier
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import merge_messages_usage, read_messages_usage
from ai_gateway.wire.json_text import read_object, write_json
from ai_gateway.wire.same_format import EventReader, MeteredRequest, garbled_answer
from ai_gateway.wire.types import Reply

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
    "tool_use": "tool_calls",
}
_WRITTEN = ("text", "thinking", "name", "partial_json")


class MessagesExchange(MeteredRequest):
    """A message passed on as it is."""

    path = "messages"

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the body. Of the metadata Anthropic knows one field, and refuses others: they are Winnow's."""
        body = {**self.asked.body, "model": model, "max_tokens": output_limit}
        if "metadata" in body:
            user_id = self.asked.metadata.get("user_id")
            body["metadata"] = {"user_id": user_id} if user_id is not None else {}
        return write_json(body)

    def read_answer(self, body: bytes) -> Reply:
        """Read a ``message``. Raises ``ProviderGarbledAnswer``."""
        payload = read_object(body)
        usage = read_messages_usage(payload.get("usage"))
        content = payload.get("content")
        if not isinstance(content, list) or not all(isinstance(block, Mapping) for block in content):
            raise garbled_answer(payload, usage)
        return Reply(
            body=body,
            usage=usage or self.count_usage(text for block in content for text in iter_written(block)),
            model=read_model(payload, self.model),
            finish_reason=FINISH_REASONS.get(str(payload.get("stop_reason")), "other"),
            service_tier=read_tier(as_usage_object(payload.get("usage")).get("service_tier")),
        )

    def open_stream(self) -> "MessagesStream":
        """Begin to read events."""
        return MessagesStream(self)


class MessagesStream(EventReader):
    """The events of a message. The first tells the input, later ones the output so far; ``usage`` waits for those."""

    telling = re.compile(
        rb'"type"\s*(?:data:\s*)*:\s*(?:data:\s*)*"(?:message_start|message_delta|message_stop|error)"'
    )

    def __init__(self, request: MeteredRequest) -> None:
        super().__init__(request)
        self._told: dict[str, Any] = {}

    def take(self, payload: Mapping[str, Any]) -> bool:
        """Learn usage, tier, errors and how the message ended."""
        match payload.get("type"):
            case "message_start":
                message = payload.get("message")
                if isinstance(message, Mapping):
                    self.model = read_model(message, self.model)
                    self._take_told(message.get("usage"))
            case "message_delta":
                self._take_told(payload.get("usage"))
                if isinstance(payload.get("usage"), Mapping):
                    self._take_usage(read_messages_usage(self._told))
                delta = payload.get("delta")
                if isinstance(delta, Mapping) and delta.get("stop_reason"):
                    self.finish_reason = FINISH_REASONS.get(str(delta["stop_reason"]), "other")
            case "message_stop":
                self.is_complete = True
            case "error":
                error = payload.get("error")
                self.error = error if isinstance(error, Mapping) else payload
        return True

    def settle_usage(self) -> Usage:
        """Return the provider's usage; of a stream that was cut, its input and our own count of the output."""
        if self.usage is not None:
            return self.usage
        counted = self._request.count_usage(self._list_produced())
        begun = read_messages_usage(self._told)
        if begun is None:
            return counted
        return replace(begun, output=max(begun.output, counted.output), source="counted")

    def produced(self, payload: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
        """Yield the pieces of texts, open thinking and the input of tools."""
        piece = payload.get("delta") or payload.get("content_block")
        if payload.get("type") in {"content_block_delta", "content_block_start"} and isinstance(piece, Mapping):
            yield from ((payload.get("index"), text) for text in iter_written(piece))

    def _take_told(self, usage: object) -> None:
        self._told = merge_messages_usage(self._told, as_usage_object(usage))
        self._take_tier(self._told.get("service_tier"))


def iter_written(block: Mapping[str, Any]) -> Iterator[str]:
    """Yield all that the model wrote in a block or a piece of one."""
    yield from (text for name in _WRITTEN if isinstance(text := block.get(name), str))
    if isinstance(block.get("input"), Mapping) and block["input"]:
        yield write_json(block["input"]).decode()
