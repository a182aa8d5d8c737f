"""The JSON schemas that are sent, and the bounds that are checked afterwards."""

import copy
from typing import Any

import pytest
from anthropic.lib._parse._transform import transform_schema
from jsonschema import Draft202012Validator
from openai.lib._pydantic import _ensure_strict_json_schema
from pydantic import ValidationError

from applications.screening.errors import UnknownOperation
from applications.screening.schemas import ANSWERS, CVAnalysis, ParsedCV, Scoring, build_json_schema

EMPTY_CV: dict[str, Any] = {
    "full_name": None,
    "email": None,
    "phone": None,
    "location": None,
    "headline": None,
    "summary": None,
    "total_years_experience": None,
    "skills": [],
    "languages": [],
    "experience": [],
    "education": [],
}
UNSUPPORTED = {
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "default",
    "pattern",
    "oneOf",
    "allOf",
}


def every_schema(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a schema and all schemas inside it."""
    inside = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    inside += [schema["items"]] if "items" in schema else []
    return [schema, *(found for part in inside for found in every_schema(part))]


@pytest.mark.parametrize("operation", ANSWERS)
def test_openais_strict_helper_has_nothing_to_change(operation: str) -> None:
    schema = build_json_schema(operation)
    changed = copy.deepcopy(schema)
    assert _ensure_strict_json_schema(changed, path=(), root=changed) == schema


@pytest.mark.parametrize("operation", ANSWERS)
def test_anthropics_helper_changes_no_more_than_a_type_beside_an_enum(operation: str) -> None:
    schema = build_json_schema(operation)
    expected = copy.deepcopy(schema)
    for part in every_schema(expected):
        if "enum" in part:
            del part["type"]
    assert transform_schema(copy.deepcopy(schema)) == expected


@pytest.mark.parametrize("operation", ANSWERS)
def test_every_field_is_required_and_nothing_else_is_allowed(operation: str) -> None:
    schema = build_json_schema(operation)
    Draft202012Validator.check_schema(schema)
    for part in every_schema(schema):
        assert not UNSUPPORTED & set(part)
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False


@pytest.mark.parametrize("operation", ANSWERS)
def test_anthropics_limit_of_16_nullable_fields_is_kept(operation: str) -> None:
    assert sum("anyOf" in part for part in every_schema(build_json_schema(operation))) <= 16


def test_an_unknown_step_has_no_schema() -> None:
    with pytest.raises(UnknownOperation) as caught:
        build_json_schema("guess")
    assert caught.value.operation == "guess"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", "x" * 401),
        ("skills", ["x"] * 101),
        ("total_years_experience", -1.0),
        ("total_years_experience", float("inf")),
        ("total_years_experience", "5"),
        ("skills", None),
        ("score", 100),
    ],
)
def test_bounds_that_a_provider_cannot_hold_are_held_by_us(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ParsedCV.model_validate({**EMPTY_CV, field: value})
    assert {fault["loc"][0] for fault in caught.value.errors()} == {field}


def test_text_that_the_database_cannot_store_is_cleaned() -> None:
    parsed = ParsedCV.model_validate({**EMPTY_CV, "full_name": " Ada\x00 Love\ud800lace\n"})
    assert parsed.full_name == "Ada Lovelace"


def test_points_are_null_or_0_to_100() -> None:
    entry = {"criterion_id": "c1", "points": None, "reason": ""}
    assert Scoring.model_validate({"criteria": [entry], "reason": ""}).criteria[0].points is None
    with pytest.raises(ValidationError):
        Scoring.model_validate({"criteria": [{**entry, "points": 101}], "reason": ""})


def test_a_finding_is_one_of_three() -> None:
    entry = {"criterion_id": "c1", "finding": "maybe", "quote": None, "page": None, "explanation": ""}
    with pytest.raises(ValidationError):
        CVAnalysis.model_validate({"summary": "", "strengths": [], "concerns": [], "criteria": [entry]})
