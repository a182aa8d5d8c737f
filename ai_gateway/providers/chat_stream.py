"""A chat completion that arrives in chunks."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.providers.streaming import StreamReader
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_chat_usage

_TEXTS = ("content", "refusal", "reasoning_content")
_FACTS = ("id", "model", "service_tier")


class ChatStreamReader(StreamReader):
    """Joins the deltas of the first choice. Of several usages the last usable one counts: some servers send one with
    every chunk, cumulative, or begin with zeros."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: dict[str, Any] = {}
        self._raw_usage: dict[str, Any] | None = None
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._calls: dict[int, dict[str, str]] = {}
        self._finish_reason: Any = None

    @property
    def is_whole(self) -> bool:
        """Whether the choice ended: not every server writes [DONE]."""
        return self._finish_reason is not None

    @property
    def usage(self) -> Usage | None:
        """The last usable usage."""
        return read_chat_usage(self._raw_usage)

    @property
    def body(self) -> Mapping[str, Any]:
        """The ``chat.completion``; without a single delta it has no message, which makes it garbled."""
        message: dict[str, Any] = {name: "".join(parts) for name, parts in self._texts.items()}
        if self._calls:
            message["tool_calls"] = [
                {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
                for _, call in sorted(self._calls.items())
            ]
        choice = {"message": message, "finish_reason": self._finish_reason}
        choices = [choice] if self._written or self.is_whole else []
        return {**self._facts, "usage": self._raw_usage, "choices": choices}

    def take(self, event: Mapping[str, Any]) -> str:
        """Take a chunk and return its text."""
        if event.get("error"):
            self.error = event
            return ""
        self._facts |= {name: event[name] for name in _FACTS if event.get(name)}
        raw_usage = event.get("usage")
        if isinstance(raw_usage, dict) and (self._raw_usage is None or read_chat_usage(raw_usage) is not None):
            self._raw_usage = raw_usage
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping) or choice.get("index", 0) != 0:
            return ""
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        delta = choice.get("delta")
        return self._take_delta(delta) if isinstance(delta, Mapping) else ""

    def _take_delta(self, delta: Mapping[str, Any]) -> str:
        texts = {name: text for name in _TEXTS if isinstance(text := delta.get(name), str)}
        for name, text in texts.items():
            self._texts[name].append(text)
            self._written.append(text)
        for place, call in enumerate(delta.get("tool_calls") or []):
            if isinstance(call, Mapping):
                self._take_call(call, place)
        return texts.get("content", "") or texts.get("refusal", "")

    def _take_call(self, delta: Mapping[str, Any], place: int) -> None:
        index = delta.get("index", place)
        call = self._calls.setdefault(
            index if isinstance(index, int) else place, {"id": "", "name": "", "arguments": ""}
        )
        function = delta.get("function")
        given: Mapping[str, Any] = function if isinstance(function, Mapping) else {}
        call["id"] = str(delta.get("id") or call["id"])
        for name in ("name", "arguments"):
            if isinstance(given.get(name), str):
                call[name] += given[name]
                self._written.append(given[name])
