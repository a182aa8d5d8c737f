"""The JSON schema of OpenAI's structured output, and what its strict mode refuses."""

from collections.abc import Iterator, Mapping
from typing import Any

from ai_gateway.sandbox.wire.errors import ApiError

_REFUSED = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties")


def read_schema(given: Mapping[str, Any] | None, param: str) -> tuple[dict[str, Any] | None, str]:
    """Return schema and name of a format: None for text, {} for any JSON object; raise ``ApiError``."""
    if given is None or given.get("type") == "text":
        return None, ""
    if given.get("type") == "json_object":
        return {"type": "object"}, ""
    if given.get("type") != "json_schema":
        raise ApiError("invalid", f"Invalid value for '{param}.type'.", param=f"{param}.type")
    inner = given.get("json_schema", given)
    name, schema = inner.get("name"), inner.get("schema")
    if not isinstance(name, str) or not isinstance(schema, dict):
        raise ApiError(
            "invalid", f"'{param}' needs a name and a schema.", param=param, code="missing_required_parameter"
        )
    if inner.get("strict"):
        _check_strict(name, schema, param)
    return schema, name


def _check_strict(name: str, schema: Mapping[str, Any], param: str) -> None:
    """Refuse what strict mode cannot hold: optional fields, further fields, combinations."""
    for path, part in iter_schemas(schema, ()):
        refused = next((keyword for keyword in _REFUSED if keyword in part), None)
        problem = f"'{refused}' is not permitted" if refused else _find_loose_object(part)
        if problem:
            message = f"Invalid schema for response_format '{name}': In context={path}, {problem}."
            raise ApiError("invalid", message, param=param)


def _find_loose_object(part: Mapping[str, Any]) -> str | None:
    if part.get("type") != "object" and "properties" not in part:
        return None
    if part.get("additionalProperties") is not False:
        return "'additionalProperties' is required to be supplied and to be false"
    if set(part.get("required", [])) != set(part.get("properties", {})):
        return "'required' is required to be supplied and to be an array including every key in properties"
    return None


def iter_schemas(
    schema: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield a schema and all schemas inside it, with their places."""
    yield path, schema
    for keyword in ("properties", "$defs", "definitions"):
        for name, part in schema.get(keyword, {}).items():
            yield from iter_schemas(part, (*path, keyword, name))
    for index, part in enumerate(schema.get("anyOf", [])):
        yield from iter_schemas(part, (*path, "anyOf", str(index)))
    if isinstance(schema.get("items"), Mapping):
        yield from iter_schemas(schema["items"], (*path, "items"))
