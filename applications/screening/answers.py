"""Turn the text that a model answered with into a checked answer."""

import re

from pydantic import ValidationError
from pydantic_core import from_json

from applications.screening.errors import UnusableAnswer
from applications.screening.schemas import Answer, get_answer_model

# Local models like to wrap JSON in a Markdown fence although they were asked for JSON alone.
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)


def parse_answer(operation: str, text: str) -> Answer:
    """Check a step's answer against its schema and bounds; raise ``UnusableAnswer``."""
    model = get_answer_model(operation)
    stripped = text.strip()
    if not stripped:
        raise UnusableAnswer(operation, "empty")
    fenced = _FENCE.match(stripped)
    data = _read_json(operation, fenced.group(1) if fenced else stripped)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UnusableAnswer(operation, "wrong_shape", _describe(error)) from None


def _read_json(operation: str, text: str) -> object:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        # "EOF while parsing" is how the parser says that the text stops before the value does.
        cut = text.startswith("{") and "EOF" in str(error)
        raise UnusableAnswer(operation, "truncated" if cut else "not_json") from None


def _describe(error: ValidationError) -> str:
    """Name the first fields that do not fit, without the values: an answer repeats what a CV says."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    places = [f"{'.'.join(str(part) for part in fault['loc']) or 'answer'} ({fault['type']})" for fault in faults[:3]]
    return ", ".join(places)
