"""An Anthropic message, whole or as a stream, as a chat completion.

Thinking is left out, as OpenAI leaves its reasoning out; its tokens are in the usage.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ai_gateway.providers.types import Usage
from ai_gateway.wire.errors import write_stream_error
from ai_gateway.wire.json_text import write_json
from ai_gateway.wire.sse import write_event
from ai_gateway.wire.types import Asked, Reply

_FINISH_REASONS: Mapping[str, str] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_DONE = b"data: [DONE]\n\n"


def write_answer(message: Mapping[str, Any], reply: Reply, asked: Asked) -> bytes:
    """Return a ``chat.completion``."""
    blocks = message["content"]
    texts = [block["text"] for block in blocks if block.get("type") == "text"]
    calls = [_write_call(block) for block in blocks if block.get("type") == "tool_use"]
    written: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if calls:
        written["tool_calls"] = calls
    finish = _FINISH_REASONS.get(str(message.get("stop_reason")), "stop")
    return orjson.dumps(
        {
            **_write_head(message, "chat.completion"),
            "choices": [{"index": 0, "message": written, "logprobs": None, "finish_reason": finish}],
            "usage": write_usage(reply.usage),
        }
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Return OpenAI's usage, whose input includes what is cached."""
    writes = usage.cache_write_short + usage.cache_write_long
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output,
        "total_tokens": usage.provider_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": writes, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.output_reasoning, "audio_tokens": 0},
    }


class MessageAsChat:
    """Writes the chunks that the events of a message stand for."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._head: dict[str, Any] = _write_head({"model": asked.model}, "chat.completion.chunk")
        self._calls = 0
        self._is_call = self._has_arguments = False

    def write(self, event: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield what an event becomes."""
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                self._head = _write_head(message if isinstance(message, Mapping) else {}, "chat.completion.chunk")
                yield self._chunk({"role": "assistant", "content": "", "refusal": None})
            case "content_block_start":
                yield from self._start_block(_part(event, "content_block"))
            case "content_block_delta":
                yield from self._write_delta(_part(event, "delta"))
            case "content_block_stop":
                if self._is_call and not self._has_arguments:
                    yield self._arguments("{}")
                self._is_call = False
            case "message_delta":
                reason = _part(event, "delta").get("stop_reason")
                if reason:
                    yield self._chunk({}, _FINISH_REASONS.get(str(reason), "stop"))
            case "error":
                error = _part(event, "error")
                message_text = str(error.get("message") or "The provider failed.")
                yield write_stream_error("chat", status=500, code=str(error.get("type")), message=message_text)

    def end(self, usage: Usage) -> Iterator[bytes]:
        """Yield the end of a whole stream."""
        if self._asked.wants_usage:
            yield write_event(orjson.dumps({**self._head, "choices": [], "usage": write_usage(usage)}))
        yield _DONE

    def _start_block(self, block: Mapping[str, Any]) -> Iterator[bytes]:
        self._is_call = block.get("type") == "tool_use"
        if self._is_call:
            call = {"index": self._calls, **_write_call(block)}
            call["function"]["arguments"] = ""
            self._calls += 1
            self._has_arguments = False
            yield self._chunk({"tool_calls": [call]})
            if block.get("input"):
                yield self._arguments(write_json(block["input"]).decode())
        elif block.get("type") == "text" and block.get("text"):
            yield self._chunk({"content": block["text"]})

    def _write_delta(self, delta: Mapping[str, Any]) -> Iterator[bytes]:
        if delta.get("type") == "text_delta":
            yield self._chunk({"content": delta.get("text")})
        elif delta.get("type") == "input_json_delta" and delta.get("partial_json"):
            yield self._arguments(delta["partial_json"])

    def _arguments(self, text: str) -> bytes:
        self._has_arguments = True
        return self._chunk({"tool_calls": [{"index": self._calls - 1, "function": {"arguments": text}}]})

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage = {"usage": None} if self._asked.wants_usage else {}
        return write_event(orjson.dumps({**self._head, "choices": [choice], **usage}))


def _write_head(message: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{message.get('id', '')}",
        "object": kind,
        "created": int(time.time()),
        "model": message.get("model"),
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _write_call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = write_json(block.get("input") or {}).decode()
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = event.get(name)
    return part if isinstance(part, Mapping) else {}
