"""A chat completion's request as a request for an Anthropic message."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.providers.types import JsonSchema
from ai_gateway.wire.translation.chat_turns import read_turns
from ai_gateway.wire.translation.refusing import as_object, as_objects, as_text, refuse_unless_neutral, unsupported

_TRANSLATED = {
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "user",
    "safety_identifier",
}
# Values that mean what the other side does anyway; an empty collection stands for any value. ``temperature`` and
# ``top_p`` are dropped from Anthropic's API since its version 2026-10-21: only their default can be asked for.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "temperature": (1,),
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "metadata": (),
    "stream_options": (),
    "prompt_cache_key": (),
    "prompt_cache_retention": (),
    "prompt_cache_options": (),
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def translate_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of the message; raises ``RequestRefused``. The output limit is set later."""
    refuse_unless_neutral(body, translated=_TRANSLATED, neutral=_NEUTRAL)
    turns = read_turns(body["messages"])
    translated: dict[str, Any] = {"model": body["model"], "messages": turns.messages}
    if turns.system:
        translated["system"] = turns.system
    if body.get("stream"):
        translated["stream"] = True
    if body.get("stop"):
        translated["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    user_id = body.get("safety_identifier") or body.get("user")
    if user_id:
        translated["metadata"] = {"user_id": user_id}
    translated.update(_translate_tools(body))
    if config := _translate_output(body):
        translated["output_config"] = config
    return translated


def _translate_tools(body: Mapping[str, Any]) -> dict[str, Any]:
    tools = [_translate_tool(tool) for tool in as_objects(body.get("tools") or [], "tools")]
    if not tools:
        return {}
    choice = _translate_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _translate_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise unsupported("tools", f"of the type {tool.get('type')!r} have no counterpart there")
    function = as_object(tool.get("function"), "tools.function")
    refuse_unless_neutral(
        function, translated={"name", "description", "parameters", "strict"}, neutral={}, place="tools.function."
    )
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    translated = {"name": as_text(function.get("name"), "tools.function.name"), "input_schema": schema}
    kept = {name: function[name] for name in ("description", "strict") if function.get(name)}
    return {**translated, **kept}


def _translate_choice(choice: object) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str) and choice in _CHOICES:
        return {"type": _CHOICES[choice]}
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        function = as_object(choice.get("function"), "tool_choice.function")
        return {"type": "tool", "name": function.get("name")}
    raise unsupported("tool_choice")


def _translate_output(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return effort and shape of the answer.

    A shape is enforced more strictly than OpenAI does without ``strict``; what Anthropic does not enforce (lengths,
    ranges, patterns) becomes part of the descriptions, as its own SDK does it.
    """
    config: dict[str, Any] = {}
    effort = body.get("reasoning_effort")
    if effort is not None:
        if effort not in _EFFORTS:
            raise unsupported("reasoning_effort", f"{effort!r} has no counterpart there")
        config["effort"] = effort
    shape = as_object(body.get("response_format") or {"type": "text"}, "response_format")
    if shape.get("type") == "json_schema":
        from ai_gateway.providers.anthropic_messages import translate_schema  # its SDK takes seconds to import

        wanted = as_object(shape.get("json_schema"), "response_format.json_schema")
        schema = as_object(wanted.get("schema"), "response_format.json_schema.schema")
        translated = translate_schema(JsonSchema(str(wanted.get("name") or "answer"), schema))
        if wanted.get("description"):
            translated.setdefault("description", wanted["description"])
        config["format"] = {"type": "json_schema", "schema": translated}
    elif shape.get("type") != "text":
        raise unsupported("response_format", f"of the type {shape.get('type')!r} has no counterpart there")
    return config
