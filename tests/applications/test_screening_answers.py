"""What a model's text becomes, and how it is refused."""

import json

import pytest

from applications.screening.answers import parse_answer
from applications.screening.errors import UnknownOperation, UnusableAnswer
from applications.screening.schemas import Decision

DECISION = {"recommendation": "review", "confidence": "low", "reasons": ["thin"], "questions_for_interview": []}


def refusal(text: str) -> UnusableAnswer:
    with pytest.raises(UnusableAnswer) as caught:
        parse_answer("decision", text)
    return caught.value


def test_an_answer_in_the_schema_becomes_its_model() -> None:
    answer = parse_answer("decision", json.dumps(DECISION))
    assert isinstance(answer, Decision)
    assert answer.model_dump(mode="json") == DECISION


def test_a_markdown_fence_around_the_json_is_taken_off() -> None:
    assert parse_answer("decision", f"```json\n{json.dumps(DECISION)}\n```").model_dump(mode="json") == DECISION


@pytest.mark.parametrize("text", ["", "  \n "])
def test_no_text_is_refused_as_empty(text: str) -> None:
    assert refusal(text).reason == "empty"


def test_json_that_stops_early_is_refused_as_truncated() -> None:
    assert refusal(json.dumps(DECISION)[:-20]).reason == "truncated"


@pytest.mark.parametrize("text", ["I recommend her.", "{'recommendation': 'review'}", '{"a": NaN}', "<html>"])
def test_other_text_is_refused_as_not_json(text: str) -> None:
    assert refusal(text).reason == "not_json"


def test_another_shape_is_refused_by_field_without_repeating_its_content() -> None:
    error = refusal(json.dumps({**DECISION, "recommendation": "hire Ada Lovelace", "note": "secret"}))
    assert (error.operation, error.reason) == ("decision", "wrong_shape")
    assert error.detail == "recommendation (literal_error), note (extra_forbidden)"
    assert "Ada" not in str(error)


def test_a_list_is_no_answer() -> None:
    assert refusal("[]").detail == "answer (model_type)"


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(UnknownOperation):
        parse_answer("guess", "{}")
