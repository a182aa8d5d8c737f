"""Write the prompt of an AI step.

The same inputs give the same bytes: the key that keeps a step from being charged twice hashes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TypeVar

from applications.screening.errors import MissingEarlierResult
from applications.screening.evidence import check_evidence
from applications.screening.fencing import clean_text, fence_cv, fence_json
from applications.screening.instructions import PROMPT_VERSIONS, get_instructions
from applications.screening.schemas import Answer, CVAnalysis, ParsedCV, Scoring, build_json_schema, get_answer_model
from applications.screening.score import evidence_percent, weighted_score

MAX_CV_CHARACTERS = 60_000  # about 20 dense pages
MAX_JOB_CHARACTERS = 12_000
_CUT = " [cut]"
AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(frozen=True)
class Criterion:
    """What a job asks for; ``id`` is unique in the job ("c1"), ``weight`` is relative to the others'."""

    id: str
    text: str
    weight: int
    must_have: bool


@dataclass(frozen=True)
class JobBrief:
    """The post that a candidate applies for."""

    title: str
    description: str
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class CVText:
    """The extracted text of a CV, and the day on which "present" in it was true."""

    pages: tuple[str, ...]
    received_on: date | None = None


@dataclass(frozen=True)
class Prompt:
    """What is sent to a model; ``truncated`` says that the CV or the job description was cut to its maximum."""

    system: str
    user: str
    schema_name: str
    json_schema: dict[str, Any]
    prompt_version: str
    truncated: bool


@dataclass(frozen=True)
class _Material:
    job: JobBrief
    cv: CVText
    earlier: Mapping[str, Mapping[str, Any]]


def build_prompt(
    operation: str, *, job: JobBrief, cv: CVText, earlier: Mapping[str, Mapping[str, Any]] | None = None
) -> Prompt:
    """Write the prompt of a step.

    ``earlier`` maps operations to their stored results: scoring needs cv_parse and cv_analyze, decision needs scoring
    too. Raise ``UnknownOperation`` or ``MissingEarlierResult``.
    """
    get_answer_model(operation)
    parts, truncated = _SECTIONS[operation](_Material(job, cv, earlier or {}))
    return Prompt(
        system=get_instructions(operation),
        user="\n\n".join(parts),
        schema_name=operation,
        json_schema=build_json_schema(operation),
        prompt_version=PROMPT_VERSIONS[operation],
        truncated=truncated,
    )


def _write_cv_parse(material: _Material) -> tuple[list[str], bool]:
    cv, cut = _show_cv(material.cv)
    return [cv, "Write down what this CV says."], cut


def _write_cv_analyze(material: _Material) -> tuple[list[str], bool]:
    job, job_cut = _show_job(material.job)
    cv, cv_cut = _show_cv(material.cv)
    return [job, cv, "Say what this CV shows about each criterion of the job."], job_cut or cv_cut


def _write_scoring(material: _Material) -> tuple[list[str], bool]:
    """Show findings and facts, but not the CV: what it tells the reader to do has no way into the points."""
    job, cut = _show_job(material.job)
    results = {"facts": _facts("scoring", material), "findings": _findings("scoring", material)}
    return [job, fence_json("earlier_results", results), "Give points to each criterion of the job."], cut


def _write_decision(material: _Material) -> tuple[list[str], bool]:
    job, cut = _show_job(material.job)
    scoring = _earlier(Scoring, "decision", "scoring", material)
    weights = {criterion.id: criterion.weight for criterion in material.job.criteria}
    results = {
        "facts": _facts("decision", material),
        "findings": _findings("decision", material),
        "points": scoring.model_dump(mode="json")["criteria"],
        "overall_score": weighted_score(scoring, weights),
        "evidence_percent": evidence_percent(scoring, weights),
    }
    return [job, fence_json("earlier_results", results), "Recommend what to do next with this application."], cut


_SECTIONS: Mapping[str, Callable[[_Material], tuple[list[str], bool]]] = {
    "cv_parse": _write_cv_parse,
    "cv_analyze": _write_cv_analyze,
    "scoring": _write_scoring,
    "decision": _write_decision,
}


def _show_job(job: JobBrief) -> tuple[str, bool]:
    description = clean_text(job.description)
    cut = len(description) > MAX_JOB_CHARACTERS
    shown = description[:MAX_JOB_CHARACTERS] + _CUT if cut else description
    criteria = [asdict(criterion) | {"text": clean_text(criterion.text)} for criterion in job.criteria]
    return fence_json("job", {"title": clean_text(job.title), "description": shown, "criteria": criteria}), cut


def _show_cv(cv: CVText) -> tuple[str, bool]:
    """Show pages until the maximum is reached; blank pages are left out, the numbers of the others stay."""
    shown: list[tuple[int, str]] = []
    room, left_out = MAX_CV_CHARACTERS, 0
    for number, page in enumerate(cv.pages, start=1):
        text = clean_text(page)
        left_out += max(0, len(text) - room)
        if text[:room]:
            shown.append((number, text[:room]))
        room = max(0, room - len(text))
    received = cv.received_on.isoformat() if cv.received_on else None
    return fence_cv(shown, page_count=len(cv.pages), received=received, cut_characters=left_out), left_out > 0


def _facts(operation: str, material: _Material) -> dict[str, Any]:
    """Return of the parsed CV what speaks about work; who the person is does not belong into a judgement."""
    parsed = _earlier(ParsedCV, operation, "cv_parse", material).model_dump(mode="json")
    return {name: parsed[name] for name in ("total_years_experience", "skills", "languages", "experience", "education")}


def _findings(operation: str, material: _Material) -> list[dict[str, Any]]:
    """Return the analysis's findings, each with the result of looking its quote up in the CV."""
    analysis = _earlier(CVAnalysis, operation, "cv_analyze", material)
    return [asdict(finding) for finding in check_evidence(analysis, material.cv.pages)]


def _earlier(model: type[AnswerT], operation: str, needed: str, material: _Material) -> AnswerT:
    """Read an earlier result back through its model: stored JSON may have another order of keys."""
    if needed not in material.earlier:
        raise MissingEarlierResult(operation, needed)
    return model.model_validate(dict(material.earlier[needed]))
