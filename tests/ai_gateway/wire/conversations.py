"""The same conversation in both formats, and exchanges that translate the one into the other."""

import json

import pytest

from ai_gateway.wire.types import RequestRefused
from tests.ai_gateway.wire.factories import PIXEL, exchange

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS}}
MESSAGE_TOOL = {"name": "weather", "description": "Tells it.", "input_schema": PARAMETERS}
URL = f"data:image/png;base64,{PIXEL}"
PDF = "JVBERi0xLjc="
CALLS = [
    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Graz"}'}},
    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Linz"}'}},
]
USES = [
    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Graz"}},
    {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Linz"}},
]
CHAT_TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": URL}}]},
    {"role": "assistant", "content": "Let me see.", "tool_calls": CALLS},
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
    {"role": "tool", "tool_call_id": "call_2", "content": "Sun"},
    {"role": "user", "content": [{"type": "text", "text": "So?"}]},
]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
MESSAGE_TURNS = [
    {"role": "user", "content": [{"type": "text", "text": "Look:"}, IMAGE]},
    {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, *USES]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain"},
            {"type": "tool_result", "tool_use_id": "call_2", "content": "Sun"},
            {"type": "text", "text": "So?"},
        ],
    },
]


def to_claude(**changes):
    return exchange("chat", "anthropic", **{"model": "claude-opus-5-5", **changes})


def to_gpt(kind="openai", **changes):
    return exchange("messages", kind, **{"model": "gpt-5", **changes})


def refusal(act) -> RequestRefused:
    with pytest.raises(RequestRefused) as refused:
        act()
    return refused.value


def encode(payload) -> bytes:
    return json.dumps(payload).encode()
