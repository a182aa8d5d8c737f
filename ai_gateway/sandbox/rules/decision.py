"""Answer ``decision``: a recommendation from points, evidence and must-have criteria."""

from typing import Any

from ai_gateway.sandbox.rules.prompt_reading import Criterion, HiringPrompt

_ADVANCE_FROM, _DECLINE_BELOW = 70, 40
_THIN_EVIDENCE_PERCENT, _FULL_EVIDENCE_PERCENT = 50, 80
_MAX_NAMED = 5
_MAX_CRITERION_CHARACTERS = 200


def answer_decision(prompt: HiringPrompt) -> dict[str, Any]:
    """Recommend; missing evidence asks for a closer look and never for a decline."""
    points = {entry["criterion_id"]: entry["points"] for entry in prompt.earlier.get("points", [])}
    known = [criterion for criterion in prompt.criteria if points.get(criterion.id) is not None]
    failed = [criterion for criterion in known if points[criterion.id] < _DECLINE_BELOW]
    unknown = [criterion for criterion in prompt.criteria if criterion not in known]
    score, evidence = prompt.earlier.get("overall_score"), prompt.earlier.get("evidence_percent", 0)
    return {
        "recommendation": _recommend(score, evidence, failed, unknown),
        "confidence": _confidence(evidence, unknown),
        "reasons": _reasons(score, evidence, failed, unknown),
        "questions_for_interview": [
            f"The CV does not mention this: {_name(criterion)}. What have you done with it?"
            for criterion in sorted(unknown, key=lambda criterion: not criterion.must_have)[:_MAX_NAMED]
        ],
    }


def _recommend(score: int | None, evidence: int, failed: list[Criterion], unknown: list[Criterion]) -> str:
    if any(criterion.must_have for criterion in failed):
        return "decline_suggested"
    if score is None or evidence < _THIN_EVIDENCE_PERCENT:
        return "review"
    if score < _DECLINE_BELOW:
        return "decline_suggested"
    settled = not any(criterion.must_have for criterion in unknown)
    return "advance" if score >= _ADVANCE_FROM and settled else "review"


def _confidence(evidence: int, unknown: list[Criterion]) -> str:
    if evidence < _THIN_EVIDENCE_PERCENT:
        return "low"
    settled = not any(criterion.must_have for criterion in unknown)
    return "high" if evidence >= _FULL_EVIDENCE_PERCENT and settled else "medium"


def _reasons(score: int | None, evidence: int, failed: list[Criterion], unknown: list[Criterion]) -> list[str]:
    scored = "No criterion has evidence" if score is None else f"The evidence scores {score} of 100"
    reasons = [f"{scored}, for {evidence} percent of the job's weight (by rules, not by AI)."]
    reasons += [f"Below what is asked for: {_name(criterion)}." for criterion in failed]
    reasons += [f"A must-have criterion is open: {_name(criterion)}." for criterion in unknown if criterion.must_have]
    return reasons[:_MAX_NAMED]


def _name(criterion: Criterion) -> str:
    return criterion.text[:_MAX_CRITERION_CHARACTERS].strip().rstrip(".")
