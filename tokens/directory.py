"""Names for the ids in usage rows, given by the apps above that know them.

The ledger keeps ids alone. What is called ``application 0199…`` here has a candidate and a page in an app that this
one must not import, so that app registers how to name it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from tenants.models import Company


@dataclass(frozen=True)
class Label:
    """How to show a thing, and where its page is."""

    text: str
    url: str


@dataclass(frozen=True)
class WorkSummary:
    """A company's background work at this moment, and the page that lists it."""

    running: int
    waiting_for_tokens: int
    failed: int
    url: str


Labeller = Callable[[Company, Collection[UUID]], Mapping[UUID, Label]]
WorkSummariser = Callable[[Company], WorkSummary]

_labellers: dict[str, Labeller] = {}
_work: list[WorkSummariser] = []


def register_application_labels(labeller: Labeller) -> None:
    """Let ``labeller`` name applications."""
    _labellers["application"] = labeller


def register_job_labels(labeller: Labeller) -> None:
    """Let ``labeller`` name jobs."""
    _labellers["job"] = labeller


def register_work_summary(summariser: WorkSummariser) -> None:
    """Let ``summariser`` tell what work is under way."""
    _work[:] = [summariser]


def label_applications(company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    """Name the applications that can be named; erased ones are missing."""
    return _label("application", company, ids)


def label_jobs(company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    """Name the jobs that can be named."""
    return _label("job", company, ids)


def summarise_work(company: Company) -> WorkSummary | None:
    """Tell what work is under way, or None when no app above has any."""
    return _work[0](company) if _work else None


def _label(kind: str, company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    labeller = _labellers.get(kind)
    return labeller(company, ids) if labeller and ids else {}
