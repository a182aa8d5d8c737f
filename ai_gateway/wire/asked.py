"""Read and check what a caller asks for."""

from collections.abc import Callable, Mapping
from typing import Any

from ai_gateway.wire.fields import Fields
from ai_gateway.wire.inputs import read_input
from ai_gateway.wire.refusals import refuse_foreign_data, refuse_hosted_tools, refuse_state, refuse_unmetered
from ai_gateway.wire.types import Asked, FormatName

_MOST_CHOICES = 8
_MOST_EMBEDDINGS = 2048


def read_asked(format_name: FormatName, body: Mapping[str, Any]) -> Asked:
    """Return what ``body`` asks for; raises ``RequestRefused``.

    Fields that are not known here are passed on: the provider judges them.
    """
    fields = Fields(body, format_name)
    model = fields.require_name("model")
    facts = _READERS[format_name](fields)
    refuse_state(fields, format_name)
    refuse_unmetered(fields, format_name)
    refuse_hosted_tools(fields.find_objects("tools"), fields, format_name)
    found = read_input(format_name, body)
    refuse_foreign_data(found, format_name)
    stream = bool(fields.find("stream", bool)) and format_name != "embeddings"
    return Asked(
        format=format_name,
        model=model,
        body=body,
        image_urls=tuple(found.image_urls),
        input=None if found.image_urls else found,
        stream=stream,
        metadata=read_metadata(fields),
        **facts,
    )


def read_counted(body: Mapping[str, Any]) -> Asked:
    """Return what Anthropic's ``count_tokens`` asks for: a message without a limit; raises ``RequestRefused``."""
    return read_asked("messages", {**body, "max_tokens": 1, "stream": False})


def _read_chat(fields: Fields) -> dict[str, Any]:
    for message in fields.require_objects("messages"):
        Fields(message, "chat").require_name("role")
    limits = [fields.find_limit("max_completion_tokens"), fields.find_limit("max_tokens")]
    choices = fields.find_limit("n") or 1
    if choices > _MOST_CHOICES:
        raise fields.refuse("integer_above_max_value", "n", f"must be at most {_MOST_CHOICES}")
    options = fields.find("stream_options", dict) or {}
    fields.find_objects("functions")
    return {
        "output_limit": min((limit for limit in limits if limit is not None), default=None),
        "choices": choices,
        "wants_usage": bool(Fields(options, "chat").find("include_usage", bool)),
    }


def _read_responses(fields: Fields) -> dict[str, Any]:
    if isinstance(fields.body.get("input"), list):
        fields.require_objects("input")
    else:
        fields.require("input", str)
    return {"output_limit": fields.find_limit("max_output_tokens"), "wants_usage": True}


def _read_messages(fields: Fields) -> dict[str, Any]:
    limit = fields.find_limit("max_tokens")
    fields.require("max_tokens", int)
    for message in fields.require_objects("messages"):
        Fields(message, "messages").require_name("role")
    return {"output_limit": limit, "wants_usage": True}


def _read_embeddings(fields: Fields) -> dict[str, Any]:
    """Read a text, a list of texts, a list of tokens, or lists of tokens. There is no output: its limit is 0."""
    given = fields.body.get("input")
    items = given if isinstance(given, list) else [fields.require("input", str)]
    are_texts = all(isinstance(item, str) for item in items)
    if not (are_texts or _are_tokens(items) or all(isinstance(item, list) and _are_tokens(item) for item in items)):
        raise fields.wrong_type("input", "text, list of texts or list of tokens")
    if not items or not all(item for item in items if not isinstance(item, int)):
        raise fields.refuse("invalid_value", "input", "must not be empty, nor any item of it")
    if len(items) > _MOST_EMBEDDINGS and not _are_tokens(items):
        raise fields.refuse("array_above_max_length", "input", f"must have at most {_MOST_EMBEDDINGS} items")
    return {"output_limit": 0}


def _are_tokens(items: list[Any]) -> bool:
    return all(isinstance(item, int) and not isinstance(item, bool) for item in items)


def read_metadata(fields: Fields) -> dict[str, str]:
    """Return what a caller attached to a request; raises ``RequestRefused``."""
    given = fields.find("metadata", dict) or {}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise fields.wrong_type(f"metadata.{name}", "string")
    return {name: value for name, value in given.items() if value is not None}


_READERS: Mapping[FormatName, Callable[[Fields], dict[str, Any]]] = {
    "chat": _read_chat,
    "responses": _read_responses,
    "messages": _read_messages,
    "embeddings": _read_embeddings,
}
