"""Jobs are posted and changed; the codes of their criteria stay what they are."""

import pytest

from applications.models import Job
from applications.services.jobs import CriterionDraft, JobDraft, create_job, update_job
from tests.applications.factories import JobFactory
from tests.tenants.factories import CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db


def post(company, title="Backend Engineer", *criteria):
    draft = JobDraft(title=title, description="Build.")
    return create_job(company=company, acting=UserFactory(), draft=draft, criteria=criteria)


def criteria_of(job):
    return list(job.criteria.values_list("code", "text", "weight", "must_have"))


def test_a_job_gets_an_address_from_its_title_and_codes_for_its_criteria():
    job = post(CompanyFactory(), "Backend Engineer", CriterionDraft("Python", 5, True), CriterionDraft("SQL"))

    assert (job.slug, job.status, job.daily_ai_cap) == ("backend-engineer", "open", 200)
    assert criteria_of(job) == [("c1", "Python", 5, True), ("c2", "SQL", 3, False)]


def test_the_same_title_twice_gets_two_addresses():
    company = CompanyFactory()

    first, second = post(company), post(company)

    assert first.slug == "backend-engineer"
    assert second.slug.startswith("backend-engineer-")
    assert Job.objects.count() == 2


def test_two_companies_may_use_the_same_address():
    assert post(CompanyFactory()).slug == post(CompanyFactory()).slug


@pytest.mark.parametrize(("title", "slug"), [("New", "new-job"), ("工程师", "job"), ("É" * 200, "e" * 60)])
def test_titles_that_make_no_address_get_one(title, slug):
    assert post(CompanyFactory(), title).slug == slug


def test_changing_a_job_leaves_its_address():
    job = JobFactory(slug="engineer")

    update_job(job=job, draft=JobDraft(title="Designer", description="Draw.", status="closed", daily_ai_cap=5))

    job.refresh_from_db()
    assert (job.slug, job.title, job.is_open, job.daily_ai_cap) == ("engineer", "Designer", False, 5)


def test_criteria_are_changed_removed_and_added_by_their_codes():
    job = JobFactory(criteria=["Python", "SQL", "Docker"])

    update_job(
        job=job,
        draft=JobDraft(title="T", description="D"),
        criteria=[
            CriterionDraft("Python 3", 9, code="c1"),
            CriterionDraft("SQL", code="c2", is_removed=True),
            CriterionDraft("Kubernetes", 2),
            CriterionDraft("Never mind", is_removed=True),
        ],
    )

    assert criteria_of(job) == [
        ("c1", "Python 3", 9, False),
        ("c3", "Docker", 3, False),
        ("c4", "Kubernetes", 2, False),
    ]


def test_what_somebody_else_added_meanwhile_stays():
    job = JobFactory(criteria=["Python"])
    update_job(job=job, draft=JobDraft(title="T", description="D"), criteria=[CriterionDraft("SQL")])

    update_job(job=job, draft=JobDraft(title="T", description="D"), criteria=[CriterionDraft("Python", code="c1")])

    assert [code for code, *_ in criteria_of(job)] == ["c1", "c2"]


def test_a_code_that_the_job_does_not_have_is_a_new_criterion():
    job = JobFactory(criteria=["Python"])

    update_job(job=job, draft=JobDraft(title="T", description="D"), criteria=[CriterionDraft("X", code="c9")])

    assert [code for code, *_ in criteria_of(job)] == ["c1", "c2"]
