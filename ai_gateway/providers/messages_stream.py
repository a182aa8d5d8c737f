"""An Anthropic message that arrives in events."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.providers.answers import as_usage_object, parse_object
from ai_gateway.providers.streaming import StreamReader
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import merge_messages_usage, read_messages_usage

# Which kind of delta goes on which field of its block.
_DELTAS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}


class MessagesStreamReader(StreamReader):
    """Joins the deltas of each block; the usage of later events is cumulative."""

    def __init__(self) -> None:
        super().__init__()
        self._message: dict[str, Any] = {}
        self._raw_usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}
        self._stop_reason: Any = None

    @property
    def is_whole(self) -> bool:
        """Whether the message said why it ends."""
        return self._stop_reason is not None

    @property
    def usage(self) -> Usage | None:
        """The usage so far: the input is known from the start."""
        return read_messages_usage(self._raw_usage)

    @property
    def body(self) -> Mapping[str, Any]:
        """The ``message``."""
        content = [self._write_block(index) for index in sorted(self._blocks)]
        ending = {"stop_reason": self._stop_reason, "usage": self._raw_usage}
        return {**self._message, "content": content if self._message else None, **ending}

    def take(self, event: Mapping[str, Any]) -> str:
        """Take an event and return its text."""
        match event.get("type"):
            case "message_start":
                self._message = as_usage_object(event.get("message"))
                self._take_usage(self._message)
            case "content_block_start":
                self._start_block(event)
            case "content_block_delta":
                return self._take_delta(event)
            case "message_delta":
                self._stop_reason = as_usage_object(event.get("delta")).get("stop_reason") or self._stop_reason
                self._take_usage(event)
            case "message_stop":
                self.is_over = True
            case "error":
                self.error = event
        return ""

    def _take_usage(self, holder: Mapping[str, Any]) -> None:
        self._raw_usage = merge_messages_usage(self._raw_usage, as_usage_object(holder.get("usage")))

    def _start_block(self, event: Mapping[str, Any]) -> None:
        index = _read_index(event)
        self._blocks[index] = dict(as_usage_object(event.get("content_block")))
        self._pieces[index] = []
        if self._blocks[index].get("type") == "tool_use":
            self._written.append(str(self._blocks[index].get("name", "")))

    def _take_delta(self, event: Mapping[str, Any]) -> str:
        delta, index = as_usage_object(event.get("delta")), _read_index(event)
        piece = delta.get(_DELTAS.get(str(delta.get("type")), ""))
        if not isinstance(piece, str):
            return ""
        self._blocks.setdefault(index, {"type": "text"})
        self._pieces.setdefault(index, []).append(piece)
        self._written.append(piece)
        return piece if delta["type"] == "text_delta" else ""

    def _write_block(self, index: int) -> dict[str, Any]:
        block, joined = self._blocks[index], "".join(self._pieces.get(index, []))
        if block.get("type") == "text":
            return {**block, "text": str(block.get("text", "")) + joined}
        if block.get("type") == "tool_use" and joined:
            return {**block, "input": parse_object(joined.encode())}
        return block


def _read_index(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0
