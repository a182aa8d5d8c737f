"""A chat completion, whole or as a stream, as an Anthropic message.

Open reasoning is left out: a thinking block needs a signature.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ai_gateway.providers.types import Usage
from ai_gateway.wire.errors import write_stream_error
from ai_gateway.wire.same_format import garbled_answer
from ai_gateway.wire.sse import write_event
from ai_gateway.wire.translation.chat_turns import parse_arguments
from ai_gateway.wire.types import Asked, Reply

_STOP_REASONS: Mapping[str, str] = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def write_answer(completion: Mapping[str, Any], reply: Reply, asked: Asked) -> bytes:
    """Return a ``message``. Raises ``ProviderGarbledAnswer`` for a tool's call that is no JSON object."""
    choice = completion["choices"][0]
    message = choice["message"]
    texts = [text for name in ("content", "refusal") if isinstance(text := message.get(name), str) and text]
    content: list[dict[str, Any]] = [{"type": "text", "text": text} for text in texts]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        block = _write_call(call)
        if block is not None:
            content.append(block)
        elif choice.get("finish_reason") != "length":  # there the call was cut off
            raise garbled_answer(completion, reply.usage)
    ending = write_ending(choice, asked, refused=bool(message.get("refusal")))
    return orjson.dumps({**_write_head(completion), "content": content, **ending, "usage": write_usage(reply.usage)})


def write_usage(usage: Usage) -> dict[str, Any]:
    """Return Anthropic's usage, whose input leaves out what is cached."""
    return {
        "input_tokens": usage.input_uncached,
        "cache_creation_input_tokens": usage.cache_write_short + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.output_reasoning},
        "server_tool_use": None,
    }


def write_ending(choice: Mapping[str, Any], asked: Asked, *, refused: bool) -> dict[str, Any]:
    """Return why the answer ended. vLLM tells which stop sequence it was, OpenAI does not."""
    stop = choice.get("stop_reason")
    if isinstance(stop, str) and stop in (asked.body.get("stop_sequences") or ()):
        return {"stop_reason": "stop_sequence", "stop_sequence": stop}
    reason = "refusal" if refused else _STOP_REASONS.get(str(choice.get("finish_reason")), "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


class ChatAsMessage:
    """Writes the events that chunks stand for. The end waits for the usage, which comes after the last choice."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._has_begun = self._refused = False
        self._open: object = None  # what the open block holds: "text", or the index of a call
        self._blocks = 0
        self._last: Mapping[str, Any] = {}

    def write(self, chunk: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield what a chunk becomes."""
        error = chunk.get("error")
        if error:
            yield _write_error(error)
            return
        if not self._has_begun:
            self._has_begun = True
            message = {**_write_head(chunk), "content": [], "stop_reason": None, "stop_sequence": None}
            yield _event("message_start", message={**message, "usage": write_usage(Usage())})
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, Mapping):
                yield from self._write_choice(choice)

    def end(self, usage: Usage) -> Iterator[bytes]:
        """Yield the end of a whole stream."""
        yield from self._close()
        ending = write_ending(self._last, self._asked, refused=self._refused)
        yield _event("message_delta", delta=ending, usage=write_usage(usage))
        yield _event("message_stop")

    def _write_choice(self, choice: Mapping[str, Any]) -> Iterator[bytes]:
        delta = choice.get("delta")
        delta = delta if isinstance(delta, Mapping) else {}
        for name in ("content", "refusal"):
            if isinstance(text := delta.get(name), str) and text:
                self._refused |= name == "refusal"
                yield from self._begin("text", {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, Mapping):
                yield from self._write_call(call)
        if choice.get("finish_reason"):
            self._last = choice

    def _write_call(self, call: Mapping[str, Any]) -> Iterator[bytes]:
        function = call.get("function")
        function = function if isinstance(function, Mapping) else {}
        block: dict[str, Any] = {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": {}}
        yield from self._begin(("call", call.get("index")), block)
        if isinstance(arguments := function.get("arguments"), str) and arguments:
            yield self._delta({"type": "input_json_delta", "partial_json": arguments})

    def _begin(self, holds: object, block: Mapping[str, Any]) -> Iterator[bytes]:
        """Open a block unless it is open already."""
        if holds != self._open:
            yield from self._close()
            self._open = holds
            yield _event("content_block_start", index=self._blocks, content_block=block)
            self._blocks += 1

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            self._open = None
            yield _event("content_block_stop", index=self._blocks - 1)

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._blocks - 1, delta=delta)


def _write_head(completion: Mapping[str, Any]) -> dict[str, Any]:
    id_, model = f"msg_{completion.get('id', '')}", completion.get("model")
    return {"id": id_, "type": "message", "role": "assistant", "model": model, "stop_details": None, "container": None}


def _write_call(call: object) -> dict[str, Any] | None:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        return None
    arguments = parse_arguments(function.get("arguments"))
    if arguments is None:
        return None
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": arguments}


def _write_error(error: object) -> bytes:
    told = error if isinstance(error, Mapping) else {"message": error}
    message = str(told.get("message") or "The provider failed.")
    return write_stream_error("messages", status=500, code=str(told.get("code") or told.get("type")), message=message)


def _event(kind: str, **fields: Any) -> bytes:
    return write_event(orjson.dumps({"type": kind, **fields}), kind)
