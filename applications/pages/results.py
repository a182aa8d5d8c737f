"""What a run found out, beside what the job asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from applications.briefs import read_brief, weights_of
from applications.models import Operation, Run, Step, StepState
from applications.screening.evidence import CheckedFinding, check_evidence
from applications.screening.prompts import Criterion, JobBrief
from applications.screening.schemas import CVAnalysis, Decision, ParsedCV, Scoring
from applications.screening.score import evidence_percent, weighted_score

RECOMMENDATIONS = {"advance": "Advance", "review": "Look closer", "decline_suggested": "Decline suggested"}


@dataclass(frozen=True)
class FindingRow:
    """What the CV shows about one criterion. ``page`` is where the quote really stands."""

    criterion: str
    weight: int
    must_have: bool
    finding: str
    quote: str
    page: int | None
    verified: bool
    explanation: str


@dataclass(frozen=True)
class AnalysisPart:
    """The analysis: a summary, and a finding for every criterion of the job."""

    summary: str
    strengths: Sequence[str]
    concerns: Sequence[str]
    findings: Sequence[FindingRow]


@dataclass(frozen=True)
class PointsRow:
    """The points of one criterion; None means that nothing in the CV speaks about it."""

    criterion: str
    weight: int
    points: int | None
    reason: str


@dataclass(frozen=True)
class DecisionPart:
    """What AI recommends to the people who decide."""

    recommendation: str
    label: str
    confidence: str
    reasons: Sequence[str]
    questions: Sequence[str]


@dataclass(frozen=True)
class Result:
    """Everything that a run has found out so far; a part is None until its step is done.

    ``evidence_percent`` is how much of the job's weight the score speaks about.
    """

    parsed: Mapping[str, Any] | None
    analysis: AnalysisPart | None
    score: int | None
    evidence_percent: int | None
    scoring: Sequence[PointsRow] | None
    decision: DecisionPart | None


def result_of(run: Run, steps: Sequence[Step], pages: Sequence[str]) -> Result | None:
    """Gather what the steps found out, or None before the first is done. Quotes are looked up in ``pages``."""
    found = {step.operation: step.result for step in steps if step.state == StepState.SUCCEEDED and step.result}
    if not found:
        return None
    brief = read_brief(run.brief)
    scoring = Scoring.model_validate(found[Operation.SCORING]) if Operation.SCORING in found else None
    return Result(
        parsed=_parsed(found.get(Operation.CV_PARSE)),
        analysis=_analysis(found.get(Operation.CV_ANALYZE), brief, pages),
        score=None if scoring is None else weighted_score(scoring, weights_of(brief)),
        evidence_percent=None if scoring is None else evidence_percent(scoring, weights_of(brief)),
        scoring=None if scoring is None else _points(scoring, brief),
        decision=_decision(found.get(Operation.DECISION)),
    )


def _parsed(stored: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Bring the fields back into the order in which people read them: stored JSON has lost it."""
    return None if stored is None else ParsedCV.model_validate(stored).model_dump(mode="json")


def _analysis(stored: Mapping[str, Any] | None, brief: JobBrief, pages: Sequence[str]) -> AnalysisPart | None:
    if stored is None:
        return None
    analysis = CVAnalysis.model_validate(stored)
    found = {finding.criterion_id: finding for finding in check_evidence(analysis, pages)}
    return AnalysisPart(
        summary=analysis.summary,
        strengths=analysis.strengths,
        concerns=analysis.concerns,
        findings=[_finding(criterion, found.get(criterion.id)) for criterion in brief.criteria],
    )


def _finding(criterion: Criterion, found: CheckedFinding | None) -> FindingRow:
    """Make the row of a criterion; one that AI left out is unknown, not unmet."""
    return FindingRow(
        criterion=criterion.text,
        weight=criterion.weight,
        must_have=criterion.must_have,
        finding=found.standing if found else "no_evidence",
        quote=(found.quote or "") if found else "",
        page=found.page if found else None,
        verified=found.quote_verified if found else False,
        explanation=found.explanation if found else "",
    )


def _points(scoring: Scoring, brief: JobBrief) -> list[PointsRow]:
    given = {entry.criterion_id: entry for entry in scoring.criteria}
    rows = [(criterion, given.get(criterion.id)) for criterion in brief.criteria]
    return [
        PointsRow(criterion.text, criterion.weight, entry.points if entry else None, entry.reason if entry else "")
        for criterion, entry in rows
    ]


def _decision(stored: Mapping[str, Any] | None) -> DecisionPart | None:
    if stored is None:
        return None
    decision = Decision.model_validate(stored)
    return DecisionPart(
        recommendation=decision.recommendation,
        label=RECOMMENDATIONS[decision.recommendation],
        confidence=decision.confidence,
        reasons=decision.reasons,
        questions=decision.questions_for_interview,
    )
