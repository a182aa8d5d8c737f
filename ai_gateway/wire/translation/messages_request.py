"""A request for an Anthropic message as a chat completion's."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from ai_gateway.providers.types import ProviderKind
from ai_gateway.wire.translation.messages_turns import read_chat_messages
from ai_gateway.wire.translation.refusing import as_object, as_objects, as_text, refuse_unless_neutral, unsupported

_TRANSLATED = {
    "model",
    "messages",
    "system",
    "max_tokens",
    "stream",
    "stop_sequences",
    "tools",
    "tool_choice",
    "output_config",
    "metadata",
    "service_tier",
    "temperature",
    "top_p",
}
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "thinking": ({"type": "disabled"},),
    "speed": ("standard",),
    "cache_control": (),
    "mcp_servers": ([],),
}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_TOOL_KEYS = {"name", "description", "input_schema", "strict", "type", "cache_control", "eager_input_streaming"}
# OpenAI takes no more, and the SDKs' types say so.
_MOST_STOPS = 4


def translate_request(body: Mapping[str, Any], kind: ProviderKind) -> dict[str, Any]:
    """Return the body of the chat completion; raises ``RequestRefused``. The output limit is set later.

    OpenAI does not tell which stop sequence ended an answer: ``stop_reason`` is then ``end_turn``.
    """
    refuse_unless_neutral(body, translated=_TRANSLATED, neutral=_NEUTRAL)
    translated: dict[str, Any] = {"model": body["model"], "messages": read_chat_messages(body)}
    for name in ("stream", "temperature", "top_p"):
        if body.get(name) is not None:
            translated[name] = body[name]
    if stops := body.get("stop_sequences"):
        if len(stops) > _MOST_STOPS:
            raise unsupported("stop_sequences", f"has more than {_MOST_STOPS} items")
        translated["stop"] = stops
    if user_id := (body.get("metadata") or {}).get("user_id"):
        translated["user"] = user_id
    if body.get("service_tier") == "standard_only":
        translated["service_tier"] = "default"
    return {**translated, **_translate_tools(body), **_translate_output(body, kind)}


def _translate_tools(body: Mapping[str, Any]) -> dict[str, Any]:
    tools = [_translate_tool(tool) for tool in as_objects(body.get("tools") or [], "tools")]
    if not tools:
        return {}
    choice = as_object(body.get("tool_choice") or {"type": "auto"}, "tool_choice")
    kind = choice.get("type")
    translated: dict[str, Any] = {"tools": tools}
    if kind == "tool":
        translated["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif isinstance(kind, str) and kind in _CHOICES:
        translated["tool_choice"] = _CHOICES[kind]
    else:
        raise unsupported("tool_choice")
    if choice.get("disable_parallel_tool_use"):
        translated["parallel_tool_calls"] = False
    return translated


def _translate_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") not in (None, "custom"):
        raise unsupported("tools", f"of the type {tool.get('type')!r} have no counterpart there")
    refuse_unless_neutral(
        tool,
        translated=_TOOL_KEYS,
        neutral={"defer_loading": (False,), "allowed_callers": (["direct"],)},
        place="tools.",
    )
    function = {"name": as_text(tool.get("name"), "tools.name"), "parameters": tool.get("input_schema")}
    kept = {name: tool[name] for name in ("description", "strict") if tool.get(name)}
    return {"type": "function", "function": {**function, **kept}}


def _translate_output(body: Mapping[str, Any], kind: ProviderKind) -> dict[str, Any]:
    config = as_object(body.get("output_config") or {}, "output_config")
    refuse_unless_neutral(config, translated={"effort", "format"}, neutral={}, place="output_config.")
    translated: dict[str, Any] = {}
    if config.get("effort"):
        if kind != "openai":
            raise unsupported("output_config.effort")
        translated["reasoning_effort"] = config["effort"]
    if config.get("format"):
        shape = as_object(config["format"], "output_config.format")
        schema = as_object(shape.get("schema"), "output_config.format.schema")
        if kind == "openai" and not _is_strict(schema):
            reason = "must require all its properties and allow no others: OpenAI enforces no other schema"
            raise unsupported("output_config.format.schema", reason)
        named = {"name": "answer", "schema": schema, "strict": True}
        translated["response_format"] = {"type": "json_schema", "json_schema": named}
    return translated


def _is_strict(schema: object) -> bool:
    """Return whether OpenAI enforces a schema: each object requires all of its properties and allows no others."""
    if isinstance(schema, list):
        return all(_is_strict(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, Mapping):
        names = set(properties) if isinstance(properties, Mapping) else set()
        if schema.get("additionalProperties") is not False or names != set(schema.get("required") or ()):
            return False
    definitions = schema.get("$defs")
    named = [group.values() for group in (properties, definitions) if isinstance(group, Mapping)]
    return all(_is_strict(value) for value in chain(*named, (schema.get(name) for name in ("items", "anyOf", "allOf"))))
