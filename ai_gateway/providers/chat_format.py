"""OpenAI's chat format: a request's turns, files and tools as its JSON, and tool calls out of it."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.providers.answers import sendable
from ai_gateway.providers.content import ContentPart, ImagePart, NamedTool, PdfPart, TextPart, ToolCall, as_data_url
from ai_gateway.providers.types import Message, ProviderRequest


def write_messages(request: ProviderRequest) -> list[dict[str, Any]]:
    """Return the turns as messages."""
    return [_write_message(turn) for turn in request.messages]


def write_tools(request: ProviderRequest) -> dict[str, Any]:
    """Return the fields about tools; none where there are no tools, and no choice where it is the usual one."""
    if not request.tools:
        return {}
    tools = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
                **({"strict": True} if tool.strict else {}),
            },
        }
        for tool in request.tools
    ]
    choice: Any = request.tool_choice
    if isinstance(choice, NamedTool):
        choice = {"type": "function", "function": {"name": choice.name}}
    return {"tools": tools} if choice == "auto" else {"tools": tools, "tool_choice": choice}


def read_tool_calls(message: Mapping[str, Any]) -> tuple[ToolCall, ...] | None:
    """Return the function calls of an answer, or ``None`` when they are not in the format."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        return None
    read = [read_tool_call(call) for call in calls]
    return None if None in read else tuple(call for call in read if call is not None)


def read_tool_call(call: object) -> ToolCall | None:
    """Return a call; some servers leave the id empty, or write the arguments of a call without any as null."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        return None
    name, arguments, id_ = function.get("name"), function.get("arguments") or "{}", call.get("id") or ""
    if not isinstance(name, str) or not isinstance(arguments, str) or not isinstance(id_, str):
        return None
    return ToolCall(id_, name, arguments)


def _write_message(turn: Message) -> dict[str, Any]:
    text = sendable(turn.text)
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": text}
    if turn.parts:
        parts = [*map(_write_part, turn.parts)] + ([{"type": "text", "text": text}] if text else [])
        return {"role": turn.role, "content": parts}
    if turn.tool_calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": sendable(call.arguments)}}
            for call in turn.tool_calls
        ]
        return {"role": turn.role, "content": text or None, "tool_calls": calls}
    return {"role": turn.role, "content": text}


def _write_part(part: ContentPart) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": sendable(text)}
        case ImagePart(data, media_type, detail):
            return {"type": "image_url", "image_url": {"url": as_data_url(data, media_type), "detail": detail}}
        case PdfPart(data, filename):
            file = {"filename": sendable(filename), "file_data": as_data_url(data, "application/pdf")}
            return {"type": "file", "file": file}
