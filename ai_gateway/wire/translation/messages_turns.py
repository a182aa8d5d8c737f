"""The turns of an Anthropic message as a chat's messages."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.wire.json_text import write_json
from ai_gateway.wire.translation.refusing import as_object, as_objects, as_text, refuse_unless_neutral, unsupported


def read_chat_messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the chat's messages; raises ``RequestRefused``."""
    messages: list[dict[str, Any]] = []
    if body.get("system"):
        messages.append({"role": "system", "content": _read_plain(body["system"], "system")})
    for index, message in enumerate(body["messages"]):
        place = f"messages.{index}"
        refuse_unless_neutral(message, translated={"role", "content"}, neutral={}, place=f"{place}.")
        match message.get("role"):
            case "user":
                messages += _read_user(message.get("content"), f"{place}.content")
            case "assistant":
                messages.append(_read_assistant(message.get("content"), f"{place}.content"))
            case "system":
                messages.append({"role": "system", "content": _read_plain(message.get("content"), f"{place}.content")})
            case role:
                raise unsupported(f"{place}.role", f"{role!r} has no counterpart there")
    if messages[-1]["role"] == "assistant":
        raise unsupported(place, "is the assistant's: the other provider would not go on with that text")
    return messages


def _read_user(content: object, place: str) -> list[dict[str, Any]]:
    """Return the results of tools, which come first, each as a message, then what the user says."""
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    messages: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for block in as_objects(content, place):
        if block.get("type") != "tool_result":
            parts.append(_read_block(block, place))
        elif parts:
            raise unsupported(place, "has a tool_result after other blocks")
        else:
            messages.append(_read_result(block, place))
    return [*messages, {"role": "user", "content": parts}] if parts else messages


def _read_result(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    keys = {"type", "tool_use_id", "content"}
    refuse_unless_neutral(
        block, translated=keys, neutral={"is_error": (False,), "cache_control": ()}, place=f"{place}."
    )
    text = _read_plain(block.get("content") or "", f"{place}.content")
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": text}


def _read_block(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    match block.get("type"):
        case "text":
            return {"type": "text", "text": _read_text(block, place)}
        case "image":
            return {"type": "image_url", "image_url": {"url": _read_source(block, {"type", "source"}, place)}}
        case "document":
            url = _read_source(block, {"type", "source", "title"}, place)
            if not url.startswith("data:application/pdf;"):
                raise unsupported(f"{place}.source", "is no PDF")
            return {"type": "file", "file": {"filename": block.get("title") or "document.pdf", "file_data": url}}
    raise unsupported(place, f"of the type {block.get('type')!r} has no counterpart there")


def _read_source(block: Mapping[str, Any], keys: set[str], place: str) -> str:
    neutral: dict[str, tuple[Any, ...]] = {"cache_control": (), "citations": ({"enabled": False},)}
    refuse_unless_neutral(block, translated=keys, neutral=neutral, place=f"{place}.")
    source = as_object(block.get("source"), f"{place}.source")
    if source.get("type") != "base64":
        raise unsupported(f"{place}.source", "is not in base64")
    return f"data:{source.get('media_type')};base64,{as_text(source.get('data'), f'{place}.source.data')}"


def _read_assistant(content: object, place: str) -> dict[str, Any]:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in as_objects(content, place):
        match block.get("type"):
            case "text" if not calls:
                texts.append(_read_text(block, place))
            case "tool_use":
                calls.append(_read_call(block, place))
            case kind:
                raise unsupported(place, f"of the type {kind!r} has no counterpart at this place")
    message: dict[str, Any] = {"role": "assistant", "content": _join(texts)}
    return {**message, "tool_calls": calls} if calls else message


def _read_call(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    refuse_unless_neutral(
        block,
        translated={"type", "id", "name", "input"},
        neutral={"cache_control": (), "caller": ({"type": "direct"},)},
        place=f"{place}.",
    )
    arguments = write_json(as_object(block.get("input"), f"{place}.input")).decode()
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _read_plain(content: object, place: str) -> str | list[dict[str, Any]]:
    """Return a content that has only texts: one of them as it is, several as parts."""
    if isinstance(content, str):
        return content
    return _join([_read_text(block, place) for block in as_objects(content, place)]) or ""


def _join(texts: list[str]) -> str | list[dict[str, Any]] | None:
    if len(texts) > 1:
        return [{"type": "text", "text": text} for text in texts]
    return texts[0] if texts else None


def _read_text(block: Mapping[str, Any], place: str) -> str:
    if block.get("type") != "text":
        raise unsupported(place, f"of the type {block.get('type')!r} has no counterpart there")
    neutral: dict[str, tuple[Any, ...]] = {"cache_control": (), "citations": ([],)}
    refuse_unless_neutral(block, translated={"type", "text"}, neutral=neutral, place=f"{place}.")
    return as_text(block.get("text"), f"{place}.text")
