"""The input of the Responses API."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from ai_gateway.wire.inputs.parts import Input

_TOKENS_PER_ITEM, _TOKENS_PRIMING = 4, 3
# What these items say is read by the model as it stands.
_TEXTS = ("name", "arguments", "input", "encrypted_content")
_LISTS = ("content", "output", "summary")


def read_responses_input(body: Mapping[str, Any]) -> Input:
    """Read instructions, items, tools and the answer's schema."""
    found = Input(frame=_TOKENS_PRIMING)
    if body.get("instructions"):
        found.frame += _TOKENS_PER_ITEM
        found.add_text(body["instructions"])
    given = body["input"]
    for item in given if isinstance(given, list) else [{"content": given}]:
        found.frame += _TOKENS_PER_ITEM
        _read_item(item, found)
    text = body.get("text")
    shape = text.get("format") if isinstance(text, Mapping) else None
    if isinstance(shape, Mapping) and shape.get("type") == "json_schema":
        found.add_schema(shape)
    found.tools += [tool for tool in body.get("tools") or [] if isinstance(tool, Mapping)]
    return found


def _read_item(item: object, found: Input) -> None:
    if not isinstance(item, Mapping):
        found.add_text(item)
        return
    if item.get("type") == "item_reference":
        found.stored.append("input.id")
        return
    known = [name for name in (*_TEXTS, *_LISTS) if item.get(name) is not None]
    for name in known:
        value = item[name]
        for part in value if isinstance(value, list) else [value]:
            _read_part(part, found)
    if not known:
        found.add_json(item)


def _read_part(part: object, found: Input) -> None:
    if not isinstance(part, MutableMapping):
        found.add_text(part)
        return
    if part.get("file_id") is not None:
        found.stored.append("input.content.file_id")
        return
    match part.get("type"):
        case "input_image" | "computer_screenshot":
            found.add_image(part, "image_url")
        case "input_audio":
            sound = part.get("input_audio")
            found.add_audio(sound.get("data") if isinstance(sound, Mapping) else None)
        case "input_file":
            _read_file(part, found)
        case "input_text" | "output_text" | "summary_text" | "reasoning_text" | "text" | "refusal":
            found.add_text(part.get("text") or part.get("refusal"))
        case _:
            found.add_json(part)


def _read_file(part: Mapping[str, Any], found: Input) -> None:
    if part.get("file_url") is not None:
        found.file_urls.append(str(part["file_url"]))
        return
    found.add_text(part.get("filename"))
    found.add_file(part.get("file_data"))
