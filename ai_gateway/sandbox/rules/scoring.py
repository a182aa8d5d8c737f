"""Answer ``scoring``: points from the findings of the analysis."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.sandbox.rules.asked_years import find_stated_years
from ai_gateway.sandbox.rules.criteria import coverage, find_asked_rank, find_asked_terms
from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.lexicon.spoken import LANGUAGE_OF
from ai_gateway.sandbox.rules.prompt_reading import Criterion, HiringPrompt
from ai_gateway.sandbox.rules.spoken import find_named_languages, find_rank
from ai_gateway.sandbox.rules.terms import find_terms

_MET, _FULL_MATCH, _BEYOND = 70, 25, 5
_NOT_MET_AT_MOST, _NOT_MET = 39, 20


def answer_scoring(prompt: HiringPrompt) -> dict[str, Any]:
    """Give points to each criterion; what has no verified evidence has none."""
    findings = {finding["criterion_id"]: finding for finding in prompt.earlier.get("findings", [])}
    facts = prompt.earlier.get("facts", {})
    entries = [_score(criterion, findings.get(criterion.id), facts) for criterion in prompt.criteria]
    known = sum(entry["points"] is not None for entry in entries)
    return {
        "criteria": entries,
        "reason": f"Scored by rules, not by AI: {known} of {len(entries)} criteria have evidence either way.",
    }


def _score(criterion: Criterion, finding: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    if finding is None or finding["finding"] == "no_evidence":
        points, reason = None, "The CV does not say."
    elif not finding["quote_verified"]:
        points, reason = None, "The quoted passage was not found in the CV."
    elif finding["finding"] == "met":
        points, reason = _points_if_met(criterion.text, finding["quote"], facts), "A passage of the CV shows it."
    else:
        points, reason = _points_if_not_met(criterion.text, facts), "A passage of the CV shows less than is asked for."
    return {"criterion_id": criterion.id, "points": points, "reason": reason}


def _points_if_met(criterion: str, quote: str, facts: Mapping[str, Any]) -> int:
    """Give more the more of the criterion one passage shows, and if years go well beyond what is asked."""
    asked = find_asked_terms(criterion)
    share = coverage(asked, find_terms(quote, in_list=True)) if asked else 1.0
    years, has = find_stated_years(criterion), facts.get("total_years_experience")
    is_beyond = years is not None and has is not None and has >= 1.5 * years
    return _MET + round(_FULL_MATCH * share) + (_BEYOND if is_beyond else 0)


def _points_if_not_met(criterion: str, facts: Mapping[str, Any]) -> int:
    """Give points for how near the CV comes, in years or in the level of a language."""
    asked_years, has = find_stated_years(criterion), facts.get("total_years_experience")
    if asked_years and has is not None:
        return _near(has / asked_years)
    for language in facts.get("languages", []):
        if LANGUAGE_OF.get(fold(language["name"])) in find_named_languages(criterion) and language["level"]:
            rank = find_rank(language["level"]) or 0
            return _near(rank / find_asked_rank(criterion))
    return _NOT_MET


def _near(share: float) -> int:
    return min(_NOT_MET_AT_MOST, round(_NOT_MET_AT_MOST * share))
