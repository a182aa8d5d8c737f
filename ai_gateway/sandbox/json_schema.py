"""Make a small value that a JSON schema accepts: the sandbox's answer to a schema that no rule is for."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

_MAX_DEPTH = 30
_FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "P0D",
    "email": "sandbox@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class NoInstance(Exception):
    """The generator found no value for a schema."""


def is_valid(value: object, schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema accepts a value."""
    return Draft202012Validator(schema).is_valid(value)


def make_instance(schema: Mapping[str, Any]) -> Any:
    """Make a value with required fields only, the first of alternatives, empty texts; raise ``NoInstance``."""
    value = _make(schema, schema, _MAX_DEPTH)
    if not is_valid(value, schema):
        raise NoInstance("no value was found that this schema accepts")
    return value


def _make(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth == 0:
        raise NoInstance("the schema refers to itself without an end")
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" in schema:
        return _make(_resolve(schema["$ref"], root), root, depth - 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            return _make_first(schema, schema[keyword], root, depth)
    if schema.get("allOf"):
        return _make(_merge(schema, schema["allOf"], root), root, depth - 1)
    return _make_type(_first_type(schema), schema, root, depth)


def _make_first(schema: Mapping[str, Any], variants: list[Any], root: Mapping[str, Any], depth: int) -> Any:
    """Take the first alternative that works out, references last: they may lead back here."""
    beside = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
    for variant in sorted(variants, key=lambda variant: "$ref" in variant):
        try:
            return _make(_merge(beside, [variant], root), root, depth - 1)
        except NoInstance:
            continue
    raise NoInstance("none of the alternatives works out")


def _merge(schema: Mapping[str, Any], parts: list[Any], root: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        resolved = _resolve(part["$ref"], root) if "$ref" in part else part
        properties = {**merged.get("properties", {}), **resolved.get("properties", {})}
        required = [*merged.get("required", []), *resolved.get("required", [])]
        merged = {**merged, **resolved}
        if properties:
            merged |= {"properties": properties, "required": required}
    return merged


def _first_type(schema: Mapping[str, Any]) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        return str(given[0])
    if given is not None:
        return str(given)
    return "array" if "items" in schema else "object"


def _make_type(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _make(properties.get(name, {}), root, depth - 1) for name in schema.get("required", [])}
    if kind == "array":
        return _make_array(schema, root, depth)
    if kind == "string":
        return _make_string(schema)
    if kind in ("integer", "number"):
        return _make_number(kind, schema)
    return {"boolean": False, "null": None}.get(kind)


def _make_array(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> list[Any]:
    first = [_make(part, root, depth - 1) for part in schema.get("prefixItems", [])]
    missing = max(0, schema.get("minItems", 0) - len(first))
    return first + [_make(schema.get("items", {}), root, depth - 1) for _ in range(missing)]


def _make_string(schema: Mapping[str, Any]) -> str:
    text: str = _FORMATS.get(schema.get("format", ""), "")
    missing = max(0, int(schema.get("minLength", 0)) - len(text))
    return text + "x" * missing


def _make_number(kind: str, schema: Mapping[str, Any]) -> float:
    """Return zero, or else the number nearest to a bound that the schema allows; raise ``NoInstance``."""
    step = schema.get("multipleOf", 1)
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    highest = schema.get("maximum", schema.get("exclusiveMaximum", 0))
    up, down = -(-lowest // step) * step, highest // step * step
    candidates = [0, up, up + step, down, down - step]
    if kind == "number":
        candidates += [lowest, highest, (lowest + highest) / 2]
    for candidate in candidates:
        if is_valid(candidate, {key: value for key, value in schema.items() if key != "type"}):
            return float(candidate) if isinstance(candidate, float) else int(candidate)
    raise NoInstance("no number lies within the bounds")


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """Follow a reference inside the schema ("#/$defs/Name")."""
    if not reference.startswith("#"):
        raise NoInstance("references to other documents are not followed")
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        if found is None:
            raise NoInstance(f"{reference} leads nowhere")
    return found
