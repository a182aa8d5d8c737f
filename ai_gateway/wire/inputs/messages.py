"""The input of an Anthropic message."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from ai_gateway.wire.inputs.parts import Image, Input
from ai_gateway.wire.types import ImageUrl

_TOKENS_PER_MESSAGE, _TOKENS_PRIMING = 4, 3


def read_messages_input(body: Mapping[str, Any]) -> Input:
    """Read the system text, messages, tools and the answer's schema."""
    found = Input(frame=_TOKENS_PRIMING)
    if body.get("system"):
        found.frame += _TOKENS_PER_MESSAGE
        _read_content(body["system"], found)
    for message in body["messages"]:
        found.frame += _TOKENS_PER_MESSAGE
        _read_content(message.get("content"), found)
    config = body.get("output_config")
    shape = config.get("format") if isinstance(config, Mapping) else None
    if isinstance(shape, Mapping):
        found.add_schema(shape.get("schema"))
    found.tools += [tool for tool in body.get("tools") or [] if isinstance(tool, Mapping)]
    return found


def _read_content(content: object, found: Input) -> None:
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, MutableMapping):
            _read_block(block, found)
        else:
            found.add_text(block)


def _read_block(block: MutableMapping[str, Any], found: Input) -> None:
    match block.get("type"):
        case "text":
            found.add_text(block.get("text"))
        case "image":
            _read_source(block, found)
        case "document":
            found.add_text(block.get("title"))
            found.add_text(block.get("context"))
            _read_source(block, found)
        case "tool_use":
            found.add_text(block.get("name"))
            found.add_json(block.get("input"))
        case "tool_result":
            _read_content(block.get("content"), found)
        case "search_result":
            found.add_text(block.get("title"))
            found.add_text(block.get("source"))
            _read_content(block.get("content"), found)
        case "thinking":
            found.add_text(block.get("thinking"))
        case "container_upload":
            found.stored.append("messages.content.file_id")
        case _:
            found.add_json(block)


def _read_source(block: MutableMapping[str, Any], found: Input) -> None:
    """Read where an image or a document comes from."""
    source = block.get("source")
    source = source if isinstance(source, Mapping) else {}
    is_image = block.get("type") == "image"
    match source.get("type"):
        case "url":
            if is_image:
                found.image_urls.append(ImageUrl(str(source.get("url")), block, "source"))
            else:
                found.file_urls.append(str(source.get("url")))
        case "file":
            found.stored.append("messages.content.source.file_id")
        case "base64" if is_image and isinstance(source.get("data"), str):
            found.images.append(Image(source["data"]))
        case "base64":
            found.add_file(source.get("data"))
        case "text":
            found.add_text(source.get("data"))
        case "content":
            _read_content(source.get("content"), found)
        case _:
            found.unreadable.append("source of an unknown type")
