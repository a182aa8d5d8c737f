"""Post jobs and change them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from applications.models import Criterion, Job, JobStatus
from tenants.models import Company, User

_NOT_A_JOB = {"new"}  # another page has that address


@dataclass(frozen=True)
class JobDraft:
    """What a recruiter writes about a job."""

    title: str
    description: str
    location: str = ""
    status: str = JobStatus.OPEN
    daily_ai_cap: int = 200


@dataclass(frozen=True)
class CriterionDraft:
    """One line of the criteria. ``code`` is that of an existing criterion, and empty for a new one."""

    text: str
    weight: int = 3
    must_have: bool = False
    code: str = ""
    is_removed: bool = False


def create_job(*, company: Company, acting: User, draft: JobDraft, criteria: Sequence[CriterionDraft] = ()) -> Job:
    """Post a job. Its address is made from the title and never changes."""
    with transaction.atomic():
        job = _create_with_free_slug(company, acting, draft)
        _write_criteria(job, criteria)
    return job


def update_job(*, job: Job, draft: JobDraft, criteria: Sequence[CriterionDraft] = ()) -> None:
    """Change a job; criteria that are not named stay as they are. Runs already begun keep the job as they saw it."""
    with transaction.atomic():
        Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        Job.objects.filter(pk=job.pk).update(**asdict(draft))
        _write_criteria(job, criteria)
    job.refresh_from_db()


def _create_with_free_slug(company: Company, acting: User, draft: JobDraft) -> Job:
    """Take the plain slug of the title, or, when the database says that it is taken, one with a random end."""
    slug = slugify(draft.title)[:60].strip("-") or "job"
    if slug in _NOT_A_JOB:
        slug = f"{slug}-job"
    try:
        with transaction.atomic():
            return Job.objects.create(company=company, slug=slug, created_by=acting, **asdict(draft))
    except IntegrityError:
        slug = f"{slug}-{uuid4().hex[:6]}"
        return Job.objects.create(company=company, slug=slug, created_by=acting, **asdict(draft))


def _write_criteria(job: Job, drafts: Iterable[CriterionDraft]) -> None:
    """Change, remove and add criteria. A code names one criterion for good while the job has it."""
    existing = {criterion.code: criterion for criterion in job.criteria.all()}
    number = max((int(code[1:]) for code in existing), default=0)
    for draft in drafts:
        values = {"text": draft.text, "weight": draft.weight, "must_have": draft.must_have}
        criterion = existing.get(draft.code)
        if criterion is not None and draft.is_removed:
            criterion.delete()
        elif criterion is not None:
            Criterion.objects.filter(pk=criterion.pk).update(**values)
        elif not draft.is_removed:
            number += 1
            Criterion.objects.create(job=job, code=f"c{number}", **values)
