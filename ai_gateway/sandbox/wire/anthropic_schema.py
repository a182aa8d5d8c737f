"""The JSON schema of Anthropic's structured output, and what it refuses."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_schema import iter_schemas

_REFUSED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "oneOf",
    "patternProperties",
)


def read_schema(output_config: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, str]:
    """Return schema and name; Anthropic's format has no name, so the schema's title stands for it."""
    given = (output_config or {}).get("format")
    if given is None:
        return None, ""
    schema = given.get("schema") if isinstance(given, Mapping) and given.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise ApiError(
            "invalid", "output_config.format: a json_schema with a schema is required", param="output_config"
        )
    for path, part in iter_schemas(schema, ()):
        _check(".".join(("output_config.format.schema", *path)), part)
    return schema, str(schema.get("title", ""))


def _check(place: str, part: Mapping[str, Any]) -> None:
    kind = part.get("type")
    if kind == "object" and part.get("additionalProperties") is not False:
        message = f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        raise ApiError("invalid", message, param="output_config")
    refused = [keyword for keyword in _REFUSED if keyword in part]
    if refused:
        message = f"{place}: For '{kind}' type, properties {', '.join(refused)} are not supported"
        raise ApiError("invalid", message, param="output_config")
