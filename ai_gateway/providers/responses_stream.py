"""A response that arrives in events; the last one repeats it whole."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.providers.answers import as_usage_object
from ai_gateway.providers.streaming import StreamReader
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_responses_usage

_SPOKEN = {"response.output_text.delta", "response.refusal.delta"}
_WRITTEN = _SPOKEN | {"response.function_call_arguments.delta", "response.reasoning_text.delta"}
_ENDINGS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}


class ResponsesStreamReader(StreamReader):
    """Waits for the event that holds the whole response, and notes what comes before."""

    def __init__(self) -> None:
        super().__init__()
        self._response: dict[str, Any] = {}

    @property
    def is_whole(self) -> bool:
        """Whether the response came: without its last event there is none."""
        return self.is_over

    @property
    def usage(self) -> Usage | None:
        """The usage, which only the last event has."""
        return read_responses_usage(self._response.get("usage"), self._response.get("tool_usage"))

    @property
    def body(self) -> Mapping[str, Any]:
        """The ``response``."""
        return self._response

    def take(self, event: Mapping[str, Any]) -> str:
        """Take an event and return its text."""
        kind, delta = event.get("type"), event.get("delta")
        if kind == "error":
            self.error = {"error": event.get("error") or {**event, "type": "server_error"}}
        elif kind in _ENDINGS:
            self._response, self.is_over = as_usage_object(event.get("response")), True
        elif kind in _WRITTEN and isinstance(delta, str):
            self._written.append(delta)
            return delta if kind in _SPOKEN else ""
        return ""
