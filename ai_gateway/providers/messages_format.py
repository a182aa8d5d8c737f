"""Anthropic's format: a request's turns, files and tools as its JSON, and tool calls out of it."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ai_gateway.providers.answers import sendable
from ai_gateway.providers.content import ContentPart, ImagePart, NamedTool, PdfPart, TextPart, ToolCall, as_base64
from ai_gateway.providers.types import Message, ProviderRequest

_CHOICES = {"required": "any", "none": "none"}


def write_messages(request: ProviderRequest) -> list[dict[str, Any]]:
    """Return the turns as messages; results of tools belong to the user's turn, and all in one."""
    turns = [turn for turn in request.messages if turn.role != "system"]
    return [
        {"role": role, "content": _write_content(list(together))} for role, together in groupby(turns, key=_wire_role)
    ]


def write_tools(request: ProviderRequest) -> dict[str, Any]:
    """Return the fields about tools; none where there are no tools, and no choice where it is the usual one."""
    if not request.tools:
        return {}
    tools = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": dict(tool.parameters),
            **({"strict": True} if tool.strict else {}),
        }
        for tool in request.tools
    ]
    match request.tool_choice:
        case "auto":
            return {"tools": tools}
        case NamedTool(name):
            return {"tools": tools, "tool_choice": {"type": "tool", "name": name}}
        case choice:
            return {"tools": tools, "tool_choice": {"type": _CHOICES[choice]}}


def read_tool_calls(content: list[Mapping[str, Any]]) -> tuple[ToolCall, ...] | None:
    """Return the calls of our tools among the blocks of an answer, or ``None`` when they are not in the format."""
    blocks = [block for block in content if block.get("type") == "tool_use"]
    if not all(isinstance(block.get("name"), str) and isinstance(block.get("id"), str) for block in blocks):
        return None
    return tuple(
        ToolCall(block["id"], block["name"], json.dumps(block.get("input") or {}, ensure_ascii=False))
        for block in blocks
    )


def _wire_role(turn: Message) -> str:
    return "assistant" if turn.role == "assistant" else "user"


def _write_content(turns: list[Message]) -> str | list[dict[str, Any]]:
    """Return plain text where that is all there is, else blocks."""
    if len(turns) == 1 and not (turns[0].parts or turns[0].tool_calls or turns[0].role == "tool"):
        return sendable(turns[0].text)
    return [block for turn in turns for block in _write_blocks(turn)]


def _write_blocks(turn: Message) -> Iterator[dict[str, Any]]:
    text = sendable(turn.text)
    if turn.role == "tool":
        yield {"type": "tool_result", "tool_use_id": turn.tool_call_id, "content": text}
        return
    for part in turn.parts:
        yield _write_part(part)
    if text:
        yield {"type": "text", "text": text}
    for call in turn.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": _read_arguments(call)}


def _read_arguments(call: ToolCall) -> dict[str, Any]:
    """Return the arguments as an object; this format has no place for what the model wrote otherwise."""
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _write_part(part: ContentPart) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": sendable(text)}
        case ImagePart(data, media_type):
            source = {"type": "base64", "media_type": media_type, "data": as_base64(data)}
            return {"type": "image", "source": source}
        case PdfPart(data, filename):
            source = {"type": "base64", "media_type": "application/pdf", "data": as_base64(data)}
            return {"type": "document", "source": source, "title": sendable(filename)}
