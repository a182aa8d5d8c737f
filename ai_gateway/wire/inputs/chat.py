"""The input of a chat completion."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from ai_gateway.wire.inputs.parts import Input

# OpenAI's chat format (its cookbook, "How to count tokens"): around each message, for a name, before the answer.
_TOKENS_PER_MESSAGE, _TOKENS_PER_NAME, _TOKENS_PRIMING = 3, 1, 3
_ROLES = {"system", "developer", "user", "assistant", "tool", "function"}  # one token each
_READ_APART = {"role", "content", "name"}


def read_chat_input(body: Mapping[str, Any]) -> Input:
    """Read messages, tools and the answer's schema."""
    found = Input(frame=_TOKENS_PRIMING)
    for message in body["messages"]:
        _read_message(message, found)
    shape = body.get("response_format")
    if isinstance(shape, Mapping) and shape.get("type") == "json_schema":
        found.add_schema(shape.get("json_schema"))
    for tools in (body.get("tools"), body.get("functions")):
        found.tools += [tool for tool in tools or [] if isinstance(tool, Mapping)]
    return found


def _read_message(message: Mapping[str, Any], found: Input) -> None:
    found.frame += _TOKENS_PER_MESSAGE
    if message["role"] in _ROLES:
        found.frame += 1
    else:
        found.add_text(message["role"])
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        _read_part(part, found)
    if message.get("name"):
        found.frame += _TOKENS_PER_NAME
        found.add_text(message["name"])
    audio = message.get("audio")
    if isinstance(audio, Mapping) and audio.get("id"):
        found.stored.append("messages.audio.id")
    for name, value in message.items():
        if name not in _READ_APART and value:
            found.add_text(value)


def _read_part(part: object, found: Input) -> None:
    if not isinstance(part, MutableMapping):
        found.add_text(part)
        return
    match part.get("type"):
        case "image_url":
            image = part.get("image_url")
            if isinstance(image, MutableMapping):
                found.add_image(image, "url")
            else:
                found.add_image(part, "image_url")
        case "input_audio":
            sound = part.get("input_audio")
            found.add_audio(sound.get("data") if isinstance(sound, Mapping) else None)
        case "file":
            _read_file(part.get("file"), found)
        case "text" | "refusal":
            found.add_text(part.get("text") or part.get("refusal"))
        case _:
            found.add_json(part)


def _read_file(file: object, found: Input) -> None:
    if not isinstance(file, Mapping):
        found.unreadable.append("file without data")
    elif file.get("file_id") is not None:
        found.stored.append("messages.content.file.file_id")
    else:
        found.add_text(file.get("filename"))
        found.add_file(file.get("file_data"))
