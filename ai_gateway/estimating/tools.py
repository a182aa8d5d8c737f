"""How many tokens the description of tools will be."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ai_gateway.estimating.texts import bound_text_tokens
from ai_gateway.providers.types import ProviderKind

# OpenAI writes tools as type declarations (its cookbook, "How to count tokens"): 7 or 10 tokens around each, 3 around
# each property and each value of an enum, 12 at the end.
_OPENAI_TOKENS_PER_TOOL, _OPENAI_TOKENS_PER_VALUE, _OPENAI_TOKENS_IN_ALL = 10, 3, 12
# Anthropic adds a system text (290 to 500 tokens by model and choice); a compatible server's template explains how
# to call a tool, and most write the tools as JSON.
_FOREIGN_TOKENS_PER_TOOL, _FOREIGN_TOKENS_IN_ALL = 32, 600


def estimate_tool_tokens(tools: Sequence[Mapping[str, Any]], *, model: str, kind: ProviderKind) -> int:
    """Return an upper bound of the input tokens of ``tools``, in whatever format they are."""
    return bound_text_tokens(list_tool_texts(tools), model=model, kind=kind) + count_tool_frames(tools, kind)


def list_tool_texts(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is written of each tool, in the longest of the ways in use."""
    return [json.dumps(tool, ensure_ascii=False) for tool in tools]


def count_tool_frames(tools: Sequence[Mapping[str, Any]], kind: ProviderKind) -> int:
    """Return at most what stands around the tools' texts."""
    if not tools:
        return 0
    if kind != "openai":
        return len(tools) * _FOREIGN_TOKENS_PER_TOOL + _FOREIGN_TOKENS_IN_ALL
    values = sum(_count_values(tool) for tool in tools)
    return len(tools) * _OPENAI_TOKENS_PER_TOOL + values * _OPENAI_TOKENS_PER_VALUE + _OPENAI_TOKENS_IN_ALL


def _count_values(schema: object) -> int:
    """Return how many properties and listed values a schema has, at all depths."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        own = len(properties) + 1 if isinstance(properties, Mapping) else 0
        return own + sum(_count_values(value) for value in schema.values())
    if isinstance(schema, list):
        return len(schema) + sum(_count_values(value) for value in schema)
    return 0
