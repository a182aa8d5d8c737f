"""Answer ``cv_analyze``: what a CV shows about a job."""

from typing import Any

from ai_gateway.sandbox.rules.criteria import Judgement, judge
from ai_gateway.sandbox.rules.prompt_reading import Criterion, HiringPrompt
from ai_gateway.sandbox.rules.reading import read_cv

_MAX_POINTS_NAMED = 5
_MAX_CRITERION_CHARACTERS = 200


def answer_cv_analyze(prompt: HiringPrompt) -> dict[str, Any]:
    """Judge a CV against each criterion."""
    reading = read_cv(prompt)
    judged = [(criterion, judge(criterion.text, reading)) for criterion in prompt.criteria]
    met = [f"{_name(criterion)}: shown on page {found.page}." for criterion, found in judged if found.finding == "met"]
    open_points = [_describe_open(criterion, found) for criterion, found in judged if found.finding != "met"]
    return {
        "summary": f"Read by rules, not by AI: the CV shows {len(met)} of {len(judged)} criteria of the job.",
        "strengths": met[:_MAX_POINTS_NAMED],
        "concerns": open_points[:_MAX_POINTS_NAMED],
        "criteria": [
            {
                "criterion_id": criterion.id,
                "finding": found.finding,
                "quote": found.quote,
                "page": found.page,
                "explanation": found.explanation,
            }
            for criterion, found in judged
        ],
    }


def _describe_open(criterion: Criterion, found: Judgement) -> str:
    said = "the CV shows less than is asked for" if found.finding == "not_met" else "the CV does not say"
    return f"{_name(criterion)}: {said}."


def _name(criterion: Criterion) -> str:
    return criterion.text[:_MAX_CRITERION_CHARACTERS].strip().rstrip(".")
