"""Which tool a request has called: the sandbox calls one only where it must."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.sandbox.answering import CalledTool
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.reading import optional


def read_chat_tool(body: Mapping[str, Any]) -> CalledTool | None:
    """Return the function that a chat completion must call; raise ``ApiError``."""
    tools = [_read_function(tool.get("function"), "parameters") for tool in _list_tools(body)]
    choice = body.get("tool_choice")
    named = choice.get("function", {}).get("name") if isinstance(choice, Mapping) else None
    return _choose(tools, required=choice == "required", named=named)


def read_responses_tool(body: Mapping[str, Any]) -> CalledTool | None:
    """Return the function that a response must call; raise ``ApiError``."""
    tools = [_read_function(tool, "parameters") for tool in _list_tools(body) if tool.get("type") == "function"]
    choice = body.get("tool_choice")
    named = choice.get("name") if isinstance(choice, Mapping) else None
    return _choose(tools, required=choice == "required", named=named)


def read_messages_tool(body: Mapping[str, Any]) -> CalledTool | None:
    """Return the tool that a message must use; raise ``ApiError``."""
    tools = [_read_function(tool, "input_schema") for tool in _list_tools(body) if "input_schema" in tool]
    choice = optional(body, "tool_choice", dict) or {}
    named = choice.get("name") if choice.get("type") == "tool" else None
    return _choose(tools, required=choice.get("type") == "any", named=named)


def _list_tools(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tools = optional(body, "tools", list) or []
    if not all(isinstance(tool, Mapping) for tool in tools):
        raise ApiError("invalid", "'tools' must be objects.", param="tools", code="invalid_type")
    return tools


def _read_function(tool: object, schema: str) -> CalledTool:
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
        raise ApiError("invalid", "Missing required parameter: 'tools[0].name'.", param="tools")
    given = tool.get(schema)
    return CalledTool(tool["name"], given if isinstance(given, dict) else {"type": "object"})


def _choose(tools: list[CalledTool], *, required: bool, named: object) -> CalledTool | None:
    if named is not None:
        found = next((tool for tool in tools if tool.name == named), None)
        if found is None:
            raise ApiError("invalid", f"Tool choice '{named}' not found in 'tools'.", param="tool_choice")
        return found
    if required and not tools:
        raise ApiError("invalid", "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    return tools[0] if required else None
