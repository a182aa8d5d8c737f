"""OpenAI's Chat Completions: ``POST /v1/chat/completions``."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ai_gateway.sandbox.answering import Question
from ai_gateway.sandbox.http import Headers
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire.call import Call, Reply, StreamEvent, Usage
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_errors import OpenAIErrors, write_error_object
from ai_gateway.sandbox.wire.openai_schema import read_schema
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
from ai_gateway.sandbox.wire.tools import read_chat_tool

# OpenAI's own recipe for counting: each message is wrapped in three tokens, and the answer is primed with three.
_TOKENS_PER_MESSAGE, _TOKENS_PER_NAME, _PRIMING_TOKENS = 3, 1, 3
_MAX_CHOICES = 8


class ChatDialect(OpenAIErrors):
    """Chat Completions, streamed or not."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a request; a tool is called only where the request says that one must be."""
        model = require(body, "model", str)
        messages = require(body, "messages", list)
        if not messages or not all(isinstance(message, Mapping) and "role" in message for message in messages):
            raise ApiError("invalid", "'messages' must be objects with a role.", param="messages")
        schema, name = read_schema(optional(body, "response_format", dict), "response_format")
        limit = read_limit(body, "max_completion_tokens") or read_limit(body, "max_tokens")
        choices = optional(body, "n", int) or 1
        if choices > _MAX_CHOICES:
            raise ApiError("invalid", f"'n' must be at most {_MAX_CHOICES}.", param="n")
        text = "\n".join(text for message in messages for text in iter_text(message.get("content")))
        return Call(
            model=model,
            question=Question(text, schema, name, limit, read_chat_tool(body)),
            input_tokens=_count_input(messages) + count_json(schema) + count_json(body.get("tools")),
            body=body,
            stream=bool(optional(body, "stream", bool)),
            include_usage=bool((optional(body, "stream_options", dict) or {}).get("include_usage")),
            choices=choices,
            images=sum(count_images(message.get("content")) for message in messages),
            files=sum(count_files(message.get("content")) for message in messages),
        )

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a ``chat.completion``."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if reply.answer.tool else reply.answer.text,
            "refusal": None,
            "annotations": [],
        }
        if reply.answer.tool:
            message["tool_calls"] = [_write_tool_call(reply, reply.answer.text)]
        choice = {"message": message, "logprobs": None, "finish_reason": _write_finish(call, reply)}
        body = {
            "id": f"chatcmpl-{reply.request_id}",
            "object": "chat.completion",
            "created": reply.created,
            "model": call.model,
            "choices": [{"index": index, **choice} for index in range(call.choices)],
            "service_tier": "default",
            "system_fingerprint": "sandbox",
        }
        return body if reply.usage is None else {**body, "usage": _write_usage(reply.usage)}

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Write ``chat.completion.chunk`` events; the usage comes in a last chunk without choices."""
        sent = 0
        opening: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
        if reply.answer.tool:
            opening |= {"content": None, "tool_calls": [{"index": 0, **_write_tool_call(reply, "")}]}
        yield StreamEvent(self._chunk(call, reply, [_delta(index, opening) for index in range(call.choices)], sent))
        for text, tokens in reply.pieces:
            for index in range(call.choices):
                sent += tokens
                delta = _write_piece(text, is_argument=bool(reply.answer.tool))
                yield StreamEvent(self._chunk(call, reply, [_delta(index, delta)], sent), is_piece=True)
        ending = [_delta(index, {}, _write_finish(call, reply)) for index in range(call.choices)]
        yield StreamEvent(self._chunk(call, reply, ending, sent))
        if call.include_usage and reply.usage is not None:
            yield StreamEvent(self._chunk(call, reply, [], sent))
        yield StreamEvent(b"data: [DONE]\n\n")

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Write an error chunk."""
        return _event({"error": write_error_object(error)})

    def _chunk(self, call: Call, reply: Reply, choices: list[dict[str, Any]], sent: int) -> bytes:
        chunk: dict[str, Any] = {
            "id": f"chatcmpl-{reply.request_id}",
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": call.model,
            "service_tier": "default",
            "system_fingerprint": "sandbox",
            "choices": choices,
        }
        if reply.usage is not None and reply.usage_with_every_chunk:
            chunk["usage"] = _write_usage(reply.usage if not choices else Usage(reply.usage.input, sent))
        elif call.include_usage and reply.usage is not None:
            chunk["usage"] = None if choices else _write_usage(reply.usage)
        return _event(chunk)


def _count_input(messages: list[Mapping[str, Any]]) -> int:
    total = _PRIMING_TOKENS
    for message in messages:
        content = message.get("content")
        total += _TOKENS_PER_MESSAGE + count_tokens(str(message["role"]))
        total += sum(count_tokens(text) for text in iter_text(content)) + IMAGE_TOKENS * _count_media(content)
        if isinstance(message.get("name"), str):
            total += _TOKENS_PER_NAME + count_tokens(message["name"])
        total += count_json(message.get("tool_calls"))
    return total


def _count_media(content: object) -> int:
    return count_images(content) + count_files(content)


def _write_tool_call(reply: Reply, arguments: str) -> dict[str, Any]:
    function = {"name": reply.answer.tool, "arguments": arguments}
    return {"id": f"call_{reply.request_id}", "type": "function", "function": function}


def _write_piece(text: str, *, is_argument: bool) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": {"arguments": text}}]} if is_argument else {"content": text}


def _write_finish(call: Call, reply: Reply) -> str:
    """Return why the answer ended; OpenAI says "stop" of a tool that was named."""
    named = isinstance(call.body.get("tool_choice"), Mapping)
    return "tool_calls" if reply.answer.tool and reply.answer.finish == "stop" and not named else reply.answer.finish


def _delta(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _event(value: object) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
