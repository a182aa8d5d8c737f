"""OpenAI's Responses format: a request's turns, files and tools as its JSON, and an answer's items out of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ai_gateway.providers.answers import sendable
from ai_gateway.providers.content import ContentPart, ImagePart, NamedTool, PdfPart, TextPart, ToolCall, as_data_url
from ai_gateway.providers.types import Message, ProviderRequest


def write_input(request: ProviderRequest) -> list[dict[str, Any]]:
    """Return the turns as items, but the system's, which is sent apart."""
    return [item for turn in request.messages if turn.role != "system" for item in _write_items(turn)]


def write_tools(request: ProviderRequest) -> dict[str, Any]:
    """Return the fields about tools; none where there are no tools, and no choice where it is the usual one."""
    if not request.tools:
        return {}
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
            "strict": tool.strict,
        }
        for tool in request.tools
    ]
    choice: Any = request.tool_choice
    if isinstance(choice, NamedTool):
        choice = {"type": "function", "name": choice.name}
    return {"tools": tools} if choice == "auto" else {"tools": tools, "tool_choice": choice}


@dataclass(frozen=True, slots=True)
class Output:
    """What the items of an answer say."""

    text: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]


def read_output(items: object) -> Output | None:
    """Return what the items say, or ``None`` when they are not in the format; reasoning is left out."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return None
    parts = [part for item in items if item.get("type") == "message" for part in _iter_parts(item)]
    texts = [part.get("text") for part in parts if part.get("type") == "output_text"]
    refusals = [part.get("refusal") for part in parts if part.get("type") == "refusal"]
    calls = [_read_call(item) for item in items if item.get("type") == "function_call"]
    if None in calls or not all(isinstance(text, str) for text in (*texts, *refusals)):
        return None
    return Output("".join(map(str, texts)), "".join(map(str, refusals)), tuple(call for call in calls if call))


def _iter_parts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    content = item.get("content")
    return (part for part in (content if isinstance(content, list) else []) if isinstance(part, Mapping))


def _read_call(item: Mapping[str, Any]) -> ToolCall | None:
    facts = [item.get("call_id") or "", item.get("name"), item.get("arguments") or "{}"]
    return ToolCall(*map(str, facts)) if all(isinstance(fact, str) for fact in facts) else None


def _write_items(turn: Message) -> Iterator[dict[str, Any]]:
    text = sendable(turn.text)
    if turn.role == "tool":
        yield {"type": "function_call_output", "call_id": turn.tool_call_id, "output": text}
        return
    if turn.parts:
        parts = [*map(_write_part, turn.parts)] + ([{"type": "input_text", "text": text}] if text else [])
        yield {"role": turn.role, "content": parts}
    elif text or not turn.tool_calls:
        yield {"role": turn.role, "content": text}
    for call in turn.tool_calls:
        facts = {"call_id": call.id, "name": call.name, "arguments": sendable(call.arguments)}
        yield {"type": "function_call", **facts}


def _write_part(part: ContentPart) -> dict[str, Any]:
    match part:
        case TextPart(text):
            return {"type": "input_text", "text": sendable(text)}
        case ImagePart(data, media_type, detail):
            return {"type": "input_image", "image_url": as_data_url(data, media_type), "detail": detail}
        case PdfPart(data, filename):
            file = {"filename": sendable(filename), "file_data": as_data_url(data, "application/pdf")}
            return {"type": "input_file", **file}
