"""The messages of a chat as Anthropic's: system text apart, tool results in the user's turn, equal roles together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ai_gateway.wire.translation.refusing import as_object, as_objects, as_text, refuse_unless_neutral, unsupported

_KEYS = {
    "user": {"role", "content"},
    "assistant": {"role", "content", "refusal", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}


@dataclass
class Turns:
    """Anthropic's ``system`` and ``messages``."""

    system: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def add(self, role: str, blocks: list[dict[str, Any]]) -> None:
        """Add to the last turn if it has the same role: results of tools called together must stand together."""
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})


def read_turns(messages: Sequence[Mapping[str, Any]]) -> Turns:
    """Return the turns; raises ``RequestRefused``."""
    turns = Turns()
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        role = message.get("role")
        if role in {"system", "developer"}:
            _add_system(message, turns, place)
            continue
        if role not in _KEYS:
            raise unsupported(f"{place}.role", f"{role!r} has no counterpart there")
        neutral: dict[str, tuple[Any, ...]] = {"annotations": ([],)} if role == "assistant" else {}
        refuse_unless_neutral(message, translated=_KEYS[role], neutral=neutral, place=f"{place}.")
        if role == "assistant":
            turns.add("assistant", _read_assistant(message, place))
        else:
            turns.add("user", [_read_result(message, place)] if role == "tool" else _read_user(message, place))
    if turns.messages and turns.messages[-1]["role"] == "assistant":
        raise unsupported(place, "is the assistant's: the other provider would go on with that text")
    return turns


def _add_system(message: Mapping[str, Any], turns: Turns, place: str) -> None:
    refuse_unless_neutral(message, translated={"role", "content"}, neutral={}, place=f"{place}.")
    if turns.messages:
        raise unsupported(f"{place}.role", "is system after the conversation has begun, which has no counterpart there")
    turns.system += [_text_block(text) for text in _read_texts(message.get("content"), place)]


def _read_user(message: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [_text_block(content)]
    return [_read_part(part, f"{place}.content") for part in as_objects(content, f"{place}.content")]


def _read_part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    match part.get("type"):
        case "text":
            return _text_block(as_text(part.get("text"), f"{place}.text"))
        case "image_url":
            image = as_object(part.get("image_url"), f"{place}.image_url")
            if image.get("detail") not in (None, "auto", "high"):
                raise unsupported(f"{place}.image_url.detail")
            return {"type": "image", "source": _read_source(image.get("url"), f"{place}.image_url.url")}
        case "file":
            file = as_object(part.get("file"), f"{place}.file")
            source = _read_source(file.get("file_data"), f"{place}.file.file_data")
            if source["media_type"] != "application/pdf":
                raise unsupported(f"{place}.file", "is no PDF")
            title = {"title": file["filename"]} if file.get("filename") else {}
            return {"type": "document", "source": source, **title}
    raise unsupported(place, f"of the type {part.get('type')!r} has no counterpart there")


def _read_source(url: object, place: str) -> dict[str, Any]:
    head, comma, data = as_text(url, place).partition(",")
    media_type, _, encoding = head.removeprefix("data:").partition(";")
    if not comma or encoding.rpartition(";")[2] != "base64":
        raise unsupported(place, "is no data: URL in base64")
    return {"type": "base64", "media_type": media_type, "data": data}


def _read_assistant(message: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    texts = [*_read_texts(message.get("content"), place), message.get("refusal")]
    blocks = [_text_block(text) for text in texts if text]
    calls = as_objects(message.get("tool_calls") or [], f"{place}.tool_calls")
    blocks += [_read_call(call, f"{place}.tool_calls") for call in calls]
    if not blocks:
        raise unsupported(f"{place}.content", "must not be empty")
    return blocks


def _read_call(call: Mapping[str, Any], place: str) -> dict[str, Any]:
    function = call.get("function")
    if call.get("type") != "function" or not isinstance(function, Mapping):
        raise unsupported(place, f"of the type {call.get('type')!r} have no counterpart there")
    arguments = parse_arguments(function.get("arguments"))
    if arguments is None:
        raise unsupported(f"{place}.function.arguments", "must be a JSON object")
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": arguments}


def parse_arguments(arguments: object) -> dict[str, Any] | None:
    """Return what a tool is called with; models that pass nothing leave the text empty."""
    try:
        value = json.loads(arguments or "{}") if isinstance(arguments, str | None) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_result(message: Mapping[str, Any], place: str) -> dict[str, Any]:
    texts = _read_texts(message.get("content"), place)
    content = texts[0] if len(texts) == 1 else [_text_block(text) for text in texts]
    return {"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": content}


def _read_texts(content: object, place: str) -> list[str]:
    """Return the texts of a content that has nothing else."""
    if content is None or isinstance(content, str):
        return [content] if content else []
    texts = []
    for part in as_objects(content, f"{place}.content"):
        if part.get("type") not in ("text", "refusal"):
            raise unsupported(f"{place}.content", f"of the type {part.get('type')!r} has no counterpart there")
        texts.append(as_text(part.get("text") or part.get("refusal") or "", f"{place}.content"))
    return texts


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
