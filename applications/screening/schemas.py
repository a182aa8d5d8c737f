"""The answers of the four AI steps, as models that check them and as JSON schemas that ask for them.

OpenAI's strict mode and Anthropic's structured output agree on a small part of JSON Schema: every field required,
null instead of absent, no additional properties, no bounds. The bounds are therefore told to the model in words, and
checked by the models here after it has answered.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from applications.screening.errors import UnknownOperation

Finding = Literal["met", "not_met", "no_evidence"]
Recommendation = Literal["advance", "review", "decline_suggested"]
Confidence = Literal["low", "medium", "high"]

# PostgreSQL stores neither NUL nor lone surrogates in text, and other control characters are never meant.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _drop_unstorable(value: object) -> object:
    return _UNSTORABLE.sub("", value) if isinstance(value, str) else value


Word = Annotated[str, BeforeValidator(_drop_unstorable), Field(max_length=120)]
Line = Annotated[str, BeforeValidator(_drop_unstorable), Field(max_length=400)]
Paragraph = Annotated[str, BeforeValidator(_drop_unstorable), Field(max_length=3000)]


class Answer(BaseModel):
    """Base of every answer: nothing extra, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)


class Language(Answer):
    """A spoken language."""

    name: Word = Field(description="The language, as the CV names it.")
    level: Word | None = Field(description="The level in the CV's own words, such as C1 or fluent; null if not stated.")


class Experience(Answer):
    """One position held."""

    title: Line = Field(description="Job title as written; empty if not stated.")
    employer: Line = Field(description="Employer as written; empty if not stated.")
    start: Word | None = Field(description="YYYY-MM, or YYYY if only the year is stated; null if not stated.")
    end: Word | None = Field(description="YYYY-MM, YYYY, or 'present' for a current position; null if not stated.")
    summary: Paragraph = Field(description="What was done and achieved, at most 500 characters; may be empty.")


class Education(Answer):
    """One degree or course of study."""

    degree: Line = Field(description="Degree and subject as written; empty if not stated.")
    institution: Line = Field(description="School or university as written; empty if not stated.")
    year: Word | None = Field(description="Year of completion, YYYY; null if not stated.")


class ParsedCV(Answer):
    """What a CV says, without judgement (step ``cv_parse``)."""

    full_name: Line | None = Field(description="The candidate's full name as written; null if not stated.")
    email: Line | None = Field(description="E-mail address; null if not stated.")
    phone: Word | None = Field(description="Phone number as written; null if not stated.")
    location: Line | None = Field(description="Town and country as written; null if not stated.")
    headline: Line | None = Field(
        description="Current profession or title, at most 120 characters; null if not stated."
    )
    summary: Paragraph | None = Field(
        description="The professional profile in two or three sentences, at most 600 characters; null if empty."
    )
    total_years_experience: Annotated[float, Field(ge=0, le=80, allow_inf_nan=False)] | None = Field(
        description="Years of professional experience, overlapping positions counted once; null if it cannot be told."
    )
    skills: list[Word] = Field(max_length=100, description="Skills named in the CV, as written, most important first.")
    languages: list[Language] = Field(max_length=30, description="Spoken languages named in the CV.")
    experience: list[Experience] = Field(max_length=60, description="Positions, latest first.")
    education: list[Education] = Field(max_length=30, description="Education, latest first.")


class CriterionFinding(Answer):
    """What the CV shows about one criterion of the job."""

    criterion_id: Word = Field(description="The id of the criterion, as given in the job.")
    finding: Finding = Field(
        description="met: the CV shows it. not_met: the CV shows the contrary. no_evidence: the CV does not say."
    )
    quote: Paragraph | None = Field(
        description="The passage that shows it, copied character by character from the CV, at most 300 characters; "
        "null for no_evidence."
    )
    page: Annotated[int, Field(ge=1, le=10_000)] | None = Field(description="Page of the quote; null without a quote.")
    explanation: Paragraph = Field(description="Why, in one or two sentences, at most 400 characters.")


class CVAnalysis(Answer):
    """What the CV shows about the job (step ``cv_analyze``)."""

    summary: Paragraph = Field(description="How the CV fits the job, at most 800 characters.")
    strengths: list[Line] = Field(max_length=12, description="Up to 5 strengths for this job, one sentence each.")
    concerns: list[Line] = Field(max_length=12, description="Up to 5 open points for this job, one sentence each.")
    criteria: list[CriterionFinding] = Field(max_length=60, description="One entry per criterion, in the job's order.")


class CriterionPoints(Answer):
    """How strongly the evidence supports one criterion."""

    criterion_id: Word = Field(description="The id of the criterion, as given in the job.")
    points: Annotated[int, Field(ge=0, le=100)] | None = Field(
        description="0 to 100: how strongly the evidence shows the criterion; null if there is no evidence."
    )
    reason: Paragraph = Field(description="Why this many points, in one sentence, at most 300 characters.")


class Scoring(Answer):
    """Points per criterion (step ``scoring``); the overall score is computed by our code, never by a model."""

    criteria: list[CriterionPoints] = Field(max_length=60, description="One entry per criterion, in the job's order.")
    reason: Paragraph = Field(description="The overall picture in two or three sentences, at most 600 characters.")


class Decision(Answer):
    """A recommendation to the people who decide (step ``decision``)."""

    recommendation: Recommendation = Field(
        description="advance: invite. review: a person should look closer. decline_suggested: clearly below the job."
    )
    confidence: Confidence = Field(description="How far the evidence carries the recommendation.")
    reasons: list[Line] = Field(max_length=12, description="Up to 5 reasons, most important first, one sentence each.")
    questions_for_interview: list[Line] = Field(
        max_length=12, description="Up to 5 questions that would settle what the CV leaves open."
    )


ANSWERS: Mapping[str, type[Answer]] = {
    "cv_parse": ParsedCV,
    "cv_analyze": CVAnalysis,
    "scoring": Scoring,
    "decision": Decision,
}


def get_answer_model(operation: str) -> type[Answer]:
    """Return the model of a step's answer; raise ``UnknownOperation``."""
    try:
        return ANSWERS[operation]
    except KeyError:
        raise UnknownOperation(operation) from None


# What both providers' strict modes accept.
_PORTABLE = frozenset({"type", "enum", "const", "required", "additionalProperties", "description", "$ref"})


def build_json_schema(operation: str) -> dict[str, Any]:
    """Build the JSON schema that a provider is asked to answer in, its title being the operation."""
    return deepcopy(_build_once(operation))


@lru_cache(maxsize=len(ANSWERS))
def _build_once(operation: str) -> dict[str, Any]:
    schema = get_answer_model(operation).model_json_schema()
    return {**_portable(schema), "title": operation}


def _portable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of a schema what every provider's strict mode accepts; the bounds remain in the descriptions."""
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs"):
            kept[keyword] = {name: _portable(part) for name, part in value.items()}
        elif keyword == "anyOf":
            kept[keyword] = [_portable(part) for part in value]
        elif keyword == "items":
            kept[keyword] = _portable(value)
        elif keyword in _PORTABLE:
            kept[keyword] = value
    if kept.get("type") == "object":
        kept.pop("description", None)  # a docstring, written for us
    return kept
