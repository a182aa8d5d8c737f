"""Anthropic's Messages: ``POST /v1/messages`` and ``POST /v1/messages/count_tokens``."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ai_gateway.sandbox.answering import Finish, Question
from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.anthropic_errors import AnthropicErrors
from ai_gateway.sandbox.wire.anthropic_schema import read_schema
from ai_gateway.sandbox.wire.call import Call, Reply, StreamEvent, Usage
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.reading import (
    IMAGE_TOKENS,
    count_files,
    count_images,
    count_json,
    iter_text,
    optional,
    read_limit,
    require,
)
from ai_gateway.sandbox.wire.tools import read_messages_tool

_TOKENS_PER_MESSAGE, _PRIMING_TOKENS = 4, 3
_STOP_REASONS: Mapping[Finish, str] = {"stop": "end_turn", "length": "max_tokens"}
_DROPPED = ("temperature", "top_p", "top_k")
_DROPPED_SINCE = "2026-10-21"


class MessagesDialect(AnthropicErrors):
    """Messages, streamed or not."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a request; a tool is used only where the request says that one must be."""
        limit = read_limit(body, "max_tokens")
        if limit is None:
            raise ApiError("invalid", "max_tokens: Field required", param="max_tokens")
        call = self.read_counted(body, headers)
        schema, name = read_schema(optional(body, "output_config", dict))
        text = call.question.text if call.question else ""
        return replace(
            call,
            question=Question(text, schema, name, limit, read_messages_tool(body)),
            stream=bool(optional(body, "stream", bool)),
        )

    def read_counted(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read what counts as input, which is all that ``count_tokens`` is sent."""
        _check_version(body, headers)
        model = require(body, "model", str)
        messages = require(body, "messages", list)
        if not messages or not all(isinstance(message, Mapping) and "role" in message for message in messages):
            raise ApiError("invalid", "messages: at least one message with a role is required", param="messages")
        texts = [
            *iter_text(body.get("system")),
            *(text for message in messages for text in iter_text(message.get("content"))),
        ]
        images = sum(count_images(message.get("content")) for message in messages)
        files = sum(count_files(message.get("content")) for message in messages)
        schema, name = read_schema(optional(body, "output_config", dict))
        counted = sum(count_tokens(text) for text in texts) + IMAGE_TOKENS * (images + files)
        counted += sum(count_json(used) for message in messages for used in _iter_tools_used(message.get("content")))
        wrapping = _PRIMING_TOKENS + _TOKENS_PER_MESSAGE * (len(messages) + bool(body.get("system")))
        return Call(
            model=model,
            question=Question("\n".join(texts), schema, name, None),
            input_tokens=counted + wrapping + count_json(schema) + count_json(body.get("tools")),
            body=body,
            images=images,
            files=files,
        )

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a ``message``."""
        content: list[dict[str, Any]] = [{"type": "text", "text": reply.answer.text}] if reply.answer.text else []
        if reply.answer.tool:
            content = [_write_tool_use(reply, _read_arguments(reply.answer.text))]
        return _write_message(call, reply, content, _write_stop_reason(reply), reply.usage)

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Write the events of a message with one text or tool use; its last usage is cumulative."""
        first = Usage(reply.usage.input, min(1, reply.usage.output), reply.usage.cached) if reply.usage else None
        yield _event({"type": "message_start", "message": _write_message(call, reply, [], None, first)})
        block = _write_tool_use(reply, {}) if reply.answer.tool else {"type": "text", "text": ""}
        yield _event({"type": "content_block_start", "index": 0, "content_block": block})
        yield _event({"type": "ping"})
        for text, _ in reply.pieces:
            is_argument = bool(reply.answer.tool)
            delta = {"type": "input_json_delta", "partial_json": text} if is_argument else _text_delta(text)
            yield _event({"type": "content_block_delta", "index": 0, "delta": delta}, is_piece=True)
        yield _event({"type": "content_block_stop", "index": 0})
        ending = {"stop_reason": _write_stop_reason(reply), "stop_sequence": None}
        usage = {"usage": _write_delta_usage(reply.usage)} if reply.usage else {}
        yield _event({"type": "message_delta", "delta": ending, **usage})
        yield _event({"type": "message_stop"})

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Write an ``error`` event, whose status is that of the stream: 200."""
        _, body, _ = self.write_error(error, reply.request_id)
        return _event(body).data


def _check_version(body: Mapping[str, Any], headers: Headers) -> None:
    version = headers.get("anthropic-version")
    if not version:
        raise ApiError("invalid", "anthropic-version: header is required", param="anthropic-version")
    dropped = next((name for name in _DROPPED if name in body), None)
    if dropped and version >= _DROPPED_SINCE:
        raise ApiError("invalid", f"{dropped}: Extra inputs are not permitted", param=dropped)


def _iter_tools_used(content: object) -> Iterator[dict[str, Any]]:
    for block in content if isinstance(content, list) else []:
        if isinstance(block, Mapping) and block.get("type") == "tool_use":
            yield {"name": block.get("name"), "input": block.get("input")}


def _write_tool_use(reply: Reply, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{reply.request_id}", "name": reply.answer.tool, "input": arguments}


def _read_arguments(text: str) -> dict[str, Any]:
    """Return the arguments; what the output limit cut short is no object any more."""
    try:
        arguments: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return arguments


def _write_stop_reason(reply: Reply) -> str:
    if reply.answer.tool and reply.answer.finish == "stop":
        return "tool_use"
    return _STOP_REASONS[reply.answer.finish]


def _text_delta(text: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": text}


def _write_message(
    call: Call, reply: Reply, content: list[dict[str, Any]], stop_reason: str | None, usage: Usage | None
) -> dict[str, Any]:
    message = {
        "id": f"msg_{reply.request_id}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }
    return message if usage is None else {**message, "usage": _write_usage(usage)}


def _write_usage(usage: Usage) -> dict[str, Any]:
    """Write a usage; Anthropic's ``input_tokens`` leaves cached tokens out."""
    return {
        **_write_delta_usage(usage),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
        "inference_geo": None,
    }


def _write_delta_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
        "server_tool_use": None,
    }


def _event(value: Mapping[str, Any], *, is_piece: bool = False) -> StreamEvent:
    return StreamEvent(f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode(), is_piece)
