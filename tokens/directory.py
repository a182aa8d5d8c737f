"""Names for the ids in usage rows, given by the apps above that know them.

The ledger keeps ids alone. What is called ``application 0199…`` here has a candidate and a page in an app that this
one must not import, so that app registers how to name it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True)
class WorkCounts:
    """A company's background work in numbers: steps that wait for tokens, and applications that need a person."""

    waiting_for_tokens: int = 0
    failed: int = 0


@dataclass(frozen=True)
class PlanSummary:
    """The plan a company is on, whether it admits calls, and when its period ends."""

    name: str
    status: str
    renews_at: datetime


Labeller = Callable[[Company, Collection[UUID]], Mapping[UUID, Label]]
WorkCounter = Callable[[Collection[int]], Mapping[int, WorkCounts]]
WorkSummariser = Callable[[Company], WorkSummary]
PlanSummariser = Callable[[Company], PlanSummary | None]
OwnerFinder = Callable[[UUID], int | None]

_labellers: dict[str, Labeller] = {}
_work: list[WorkSummariser] = []
_work_counters: list[WorkCounter] = []
_plans: list[PlanSummariser] = []
_owner_finders: dict[str, OwnerFinder] = {}


def register_application_labels(labeller: Labeller) -> None:
    """Let ``labeller`` name applications."""
    _labellers["application"] = labeller


def register_job_labels(labeller: Labeller) -> None:
    """Let ``labeller`` name jobs."""
    _labellers["job"] = labeller


def register_work_summary(summariser: WorkSummariser) -> None:
    """Let ``summariser`` tell what work is under way."""
    _work[:] = [summariser]


def register_work_counter(counter: WorkCounter) -> None:
    """Let ``counter`` count the work of several companies."""
    _work_counters[:] = [counter]


def register_plan_summary(summariser: PlanSummariser) -> None:
    """Let ``summariser`` tell what plan a company is on."""
    _plans[:] = [summariser]


def register_owner_finder(kind: str, finder: OwnerFinder) -> None:
    """Let ``finder`` tell the company of a thing of ``kind``: ``application`` or ``job``."""
    _owner_finders[kind] = finder


def find_company_of(kind: str, thing_id: UUID) -> int | None:
    """Find the id of the company that a thing belongs to, or None when nobody knows it."""
    finder = _owner_finders.get(kind)
    return finder(thing_id) if finder else None


def label_applications(company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    """Name the applications that can be named; erased ones are missing."""
    return _label("application", company, ids)


def label_jobs(company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    """Name the jobs that can be named."""
    return _label("job", company, ids)


def summarise_work(company: Company) -> WorkSummary | None:
    """Tell what work is under way, or None when no app above has any."""
    return _work[0](company) if _work else None


def count_work(company_ids: Collection[int]) -> Mapping[int, WorkCounts]:
    """Count the work of several companies, by the company's id; those without any may be missing."""
    return _work_counters[0](company_ids) if _work_counters else {}


def summarise_plan(company: Company) -> PlanSummary | None:
    """Tell what plan the company is on, or None when it has none."""
    return _plans[0](company) if _plans else None


def _label(kind: str, company: Company, ids: Collection[UUID]) -> Mapping[UUID, Label]:
    labeller = _labellers.get(kind)
    return labeller(company, ids) if labeller and ids else {}
