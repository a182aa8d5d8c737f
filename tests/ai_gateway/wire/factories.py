"""Recorded shapes of each provider's answers, and of callers' bodies."""

import json
from typing import Any

from ai_gateway.providers.types import ProviderKind
from ai_gateway.wire.asked import read_asked
from ai_gateway.wire.exchanges import open_exchange
from ai_gateway.wire.types import Exchange, FormatName

CV = "Jane Doe – Python engineer, 2014–2021 at Acme GmbH. Built payments on Django and PostgreSQL, +35 %.\n"
BODIES: dict[FormatName, dict[str, Any]] = {
    "chat": {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]},
    "responses": {"model": "gpt-5", "input": "Hi"},
    "messages": {"model": "claude-opus-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]},
    "embeddings": {"model": "text-embedding-3-small", "input": ["Hi", "there"]},
}
KINDS: dict[FormatName, ProviderKind] = {
    "chat": "openai",
    "responses": "openai",
    "messages": "anthropic",
    "embeddings": "openai",
}
# A real one-pixel PNG, and the beginning of a file that says it is a PDF of two pages.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

CHAT_USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 3,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
RESPONSES_USAGE = {
    "input_tokens": 37,
    "input_tokens_details": {
        "cached_tokens": 8,
        "cache_write_tokens": 4,
        "cache_write_tokens_details": {"ttl_30m_tokens": 3, "ttl_12h_tokens": 1},
    },
    "output_tokens": 11,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 48,
}
MESSAGES_USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2},
    "output_tokens": 9,
    "output_tokens_details": {"thinking_tokens": 4},
    "server_tool_use": None,
    "service_tier": "standard",
    "inference_geo": None,
}


def body(format_name: FormatName, **changes: Any) -> dict[str, Any]:
    return {**BODIES[format_name], **changes}


def exchange(format_name: FormatName, kind: ProviderKind | None = None, **changes: Any) -> Exchange:
    return open_exchange(read_asked(format_name, body(format_name, **changes)), kind or KINDS[format_name])


def written(of: Exchange, limit: int = 50) -> dict[str, Any]:
    return json.loads(of.write_request("served", limit))


def chat_answer(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello there", "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_794_000_000,
        "model": "gpt-5-2025-08-07",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": CHAT_USAGE,
        "service_tier": "default",
        "system_fingerprint": None,
        **changes,
    }


def chunk(choices: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_794_000_000,
        "model": "gpt-5-2025-08-07",
    }
    return {**head, "service_tier": "default", "choices": choices, **changes}


def piece(text: str, index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": {"content": text, **delta} if text else delta, "finish_reason": finish}


def data(*payloads: object, separators: tuple[str, str] | None = None) -> bytes:
    return b"".join(
        b"data: %b\n\n" % json.dumps(one, ensure_ascii=False, separators=separators).encode() for one in payloads
    )


def named(*payloads: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\n%b" % (one["type"].encode(), data(one)) for one in payloads)


DONE = b"data: [DONE]\n\n"


def chat_stream(*texts: str, usage: object = CHAT_USAGE, done: bytes = DONE) -> bytes:
    """As OpenAI sends it when asked for usage."""
    pieces = [chunk([piece(text)], usage=None) for text in texts]
    start, end = (
        chunk([piece("", role="assistant", content="")], usage=None),
        chunk([piece("", finish="stop")], usage=None),
    )
    last = [chunk([], usage=usage)] if usage else []
    return data(start, *pieces, end, *last) + done


def message_answer(**changes: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [{"type": "text", "text": "Hello there"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": MESSAGES_USAGE,
        **changes,
    }


def message_stream(*texts: str, usage: object = None) -> bytes:
    start = {**MESSAGES_USAGE, "output_tokens": 1, "output_tokens_details": None}
    return named(
        {"type": "message_start", "message": message_answer(content=[], stop_reason=None, usage=start)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": usage
            or {"output_tokens": 9, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 4}},
        },
        {"type": "message_stop"},
    )


def response(**changes: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": "Hello there", "annotations": [], "logprobs": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_794_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-5-2025-08-07",
        "output": [message],
        "parallel_tool_calls": True,
        "service_tier": "flex",
        "tool_choice": "auto",
        "tools": [],
        "usage": RESPONSES_USAGE,
        **changes,
    }


def response_stream(*texts: str, end: dict[str, Any] | None = None) -> bytes:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    last = end or response()
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(status="in_progress", output=[], usage=None)},
        *({"type": "response.output_text.delta", **place, "delta": text, "logprobs": []} for text in texts),
        {"type": f"response.{last['status']}", "response": last},
    ]
    return named(*({**event, "sequence_number": number} for number, event in enumerate(events)))
