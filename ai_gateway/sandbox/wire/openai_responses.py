"""OpenAI's Responses: ``POST /v1/responses``."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
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
from ai_gateway.sandbox.wire.tools import read_responses_tool

_TOKENS_PER_MESSAGE, _PRIMING_TOKENS = 4, 3
_PIECES = {"response.output_text.delta", "response.function_call_arguments.delta"}


class ResponsesDialect(OpenAIErrors):
    """Responses, streamed or not; nothing is stored, so nothing earlier can be referred to."""

    def read_call(self, body: Mapping[str, Any], headers: Headers) -> Call:
        """Read a request; a function is called only where the request says that one must be."""
        model = require(body, "model", str)
        items = _read_input(body)
        if body.get("previous_response_id") is not None:
            message = f"Previous response with id '{body['previous_response_id']}' not found."
            raise ApiError("invalid", message, param="previous_response_id", code="previous_response_not_found")
        if body.get("background"):
            raise ApiError("invalid", "The sandbox runs nothing in the background.", param="background")
        given = (optional(body, "text", dict) or {}).get("format")
        schema, name = read_schema(given, "text.format")
        texts = [
            *iter_text(body.get("instructions")),
            *(text for item in items for field in ("content", "output") for text in iter_text(item.get(field))),
        ]
        images = sum(count_images(item.get("content")) for item in items)
        files = sum(count_files(item.get("content")) for item in items)
        counted = sum(count_tokens(text) for text in texts) + IMAGE_TOKENS * (images + files)
        counted += sum(count_json(item) for item in items if item.get("type") == "function_call")
        limit = read_limit(body, "max_output_tokens")
        wrapping = _PRIMING_TOKENS + _TOKENS_PER_MESSAGE * (len(items) + bool(body.get("instructions")))
        return Call(
            model=model,
            question=Question("\n".join(texts), schema, name, limit, read_responses_tool(body)),
            input_tokens=counted + wrapping + count_json(schema) + count_json(body.get("tools")),
            body=body,
            stream=bool(optional(body, "stream", bool)),
            images=images,
            files=files,
        )

    def write_body(self, call: Call, reply: Reply) -> dict[str, Any]:
        """Write a ``response``."""
        status = "completed" if reply.answer.finish == "stop" else "incomplete"
        if reply.answer.tool:
            return _write_response(call, reply, status, [_function_call(reply, status, reply.answer.text)])
        return _write_response(call, reply, status, [_message(reply, status, [_text_part(reply.answer.text)])])

    def write_stream(self, call: Call, reply: Reply) -> Iterator[StreamEvent]:
        """Write the events of a response with one message of one text, or one function call."""
        whole = self.write_body(call, reply)
        inner = _write_call_events(reply) if reply.answer.tool else _write_text_events(reply)
        started = _write_response(call, reply, "in_progress", [])
        events = chain(
            [
                {"type": "response.created", "response": started},
                {"type": "response.in_progress", "response": started},
            ],
            inner,
            [
                {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
                {"type": f"response.{whole['status']}", "response": whole},
            ],
        )
        return (
            StreamEvent(_event({**event, "sequence_number": number}), is_piece=event["type"] in _PIECES)
            for number, event in enumerate(events)
        )

    def write_stream_error(self, error: ApiError, reply: Reply) -> bytes:
        """Write an ``error`` event."""
        written = write_error_object(error)
        return _event({"type": "error", "sequence_number": len(reply.pieces), **{**written, "type": "error"}})


def _write_call_events(reply: Reply) -> Iterator[dict[str, Any]]:
    place = {"item_id": f"fc_{reply.request_id}", "output_index": 0}
    started = _function_call(reply, "in_progress", "")
    yield {"type": "response.output_item.added", "output_index": 0, "item": started}
    for piece, _ in reply.pieces:
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    done = {"arguments": reply.answer.text, "name": reply.answer.tool}
    yield {"type": "response.function_call_arguments.done", **place, **done}


def _write_text_events(reply: Reply) -> Iterator[dict[str, Any]]:
    place = {"item_id": f"msg_{reply.request_id}", "output_index": 0}
    part = {**place, "content_index": 0}
    text = reply.answer.text
    yield {"type": "response.output_item.added", "output_index": 0, "item": _message(reply, "in_progress", [])}
    yield {"type": "response.content_part.added", **part, "part": _text_part("")}
    for piece, _ in reply.pieces:
        yield {"type": "response.output_text.delta", **part, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **part, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **part, "part": _text_part(text)}


def _read_input(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    items = require(body, "input", list)
    if not all(isinstance(item, Mapping) for item in items):
        raise ApiError("invalid", "'input' must be a text or a list of items.", param="input", code="invalid_type")
    return items


def _write_response(call: Call, reply: Reply, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    is_over = status != "in_progress"
    return {
        "id": f"resp_{reply.request_id}",
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": call.body.get("instructions"),
        "max_output_tokens": call.body.get("max_output_tokens"),
        "metadata": call.body.get("metadata") or {},
        "model": call.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": call.body.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": call.body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _write_usage(reply.usage) if is_over and reply.usage is not None else None,
    }


def _message(reply: Reply, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"msg_{reply.request_id}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _function_call(reply: Reply, status: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"fc_{reply.request_id}",
        "type": "function_call",
        "call_id": f"call_{reply.request_id}",
        "name": reply.answer.tool,
        "arguments": arguments,
        "status": status,
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _event(value: Mapping[str, Any]) -> bytes:
    return f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
