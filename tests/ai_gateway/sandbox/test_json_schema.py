"""A small value for any schema of common keywords."""

from typing import Any

import pytest

from ai_gateway.sandbox.json_schema import NoInstance, is_valid, make_instance


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, {}),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array", "prefixItems": [{"const": "x"}], "items": {"type": "null"}, "minItems": 2}, ["x", None]),
        ({"type": "string", "minLength": 3}, "xxx"),
        ({"type": "string", "format": "date"}, "2000-01-01"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}, 10),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "boolean"}, False),
        ({"type": ["null", "string"]}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, ""),
        (
            {
                "allOf": [
                    {"properties": {"a": {"const": 1}}, "required": ["a"], "type": "object"},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]
            },
            {"a": 1, "b": 2},
        ),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer", "minimum": 2}}}, 2),
        (
            {
                "$ref": "#/$defs/tree",
                "$defs": {
                    "tree": {
                        "type": "object",
                        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}},
                        "required": ["next"],
                    }
                },
            },
            {"next": None},
        ),
    ],
)
def test_a_value_is_found_that_the_schema_accepts(schema: dict[str, Any], instance: Any) -> None:
    made = make_instance(schema)
    assert is_valid(made, schema)
    assert made == instance


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[a-z]{9}$"},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
)
def test_a_schema_that_is_too_much_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(NoInstance):
        make_instance(schema)
