"""A job as a run saw it: kept with the run, given to AI, and shown beside its results."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from applications.models import Job
from applications.screening.prompts import Criterion, JobBrief


def write_brief(job: Job) -> dict[str, Any]:
    """Take down what AI is told about ``job``, for storage."""
    criteria = tuple(
        Criterion(id=criterion.code, text=criterion.text, weight=criterion.weight, must_have=criterion.must_have)
        for criterion in job.criteria.all()
    )
    return asdict(JobBrief(title=job.title, description=job.description, criteria=criteria))


def read_brief(stored: Mapping[str, Any]) -> JobBrief:
    """Read back what ``write_brief`` took down."""
    criteria = tuple(Criterion(**criterion) for criterion in stored["criteria"])
    return JobBrief(title=stored["title"], description=stored["description"], criteria=criteria)


def weights_of(brief: JobBrief) -> dict[str, int]:
    """Return the weight of each criterion by its id."""
    return {criterion.id: criterion.weight for criterion in brief.criteria}
