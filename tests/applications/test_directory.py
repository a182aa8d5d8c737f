"""What the ledger's pages learn about applications and jobs."""

from uuid import uuid4

import pytest
from django.urls import reverse

from applications.models import Application, Step
from tests.applications.factories import ApplicationFactory, JobFactory
from tokens import directory

pytestmark = pytest.mark.django_db


def test_applications_are_named_by_their_candidates():
    application = ApplicationFactory(name="Ada Lovelace")

    labels = directory.label_applications(application.company, {application.pk, uuid4()})

    url = reverse("application_detail", args=[application.company.slug, application.pk])
    assert labels == {application.pk: directory.Label("Ada Lovelace", url)}


def test_an_erased_candidate_leaves_no_name():
    application = ApplicationFactory()
    type(application.candidate).objects.update(name="", email="")

    assert (
        directory.label_applications(application.company, {application.pk})[application.pk].text == "Erased candidate"
    )


def test_jobs_are_named_by_their_titles():
    job = JobFactory(title="Engineer")

    labels = directory.label_jobs(job.company, {job.pk})

    assert labels == {job.pk: directory.Label("Engineer", reverse("job_detail", args=[job.company.slug, job.slug]))}


def test_another_company_s_things_have_no_name():
    application, other = ApplicationFactory(), JobFactory()

    assert directory.label_applications(other.company, {application.pk}) == {}
    assert directory.label_jobs(application.company, {other.pk}) == {}


def test_the_owner_of_a_thing_is_found():
    application = ApplicationFactory()

    assert directory.find_company_of("application", application.pk) == application.company_id
    assert directory.find_company_of("job", application.job_id) == application.company_id
    assert directory.find_company_of("job", uuid4()) is None


def test_work_is_summarised_for_one_company():
    job = JobFactory()
    applications = [ApplicationFactory(job=job) for _ in range(4)]
    ApplicationFactory()
    for application, state in zip(
        applications, ("running", "waiting_for_tokens", "waiting_for_tokens", "ready"), strict=True
    ):
        Step.objects.filter(run__application=application, position=1).update(
            state=state, lease_expires_at=application.created_at
        )
    Application.objects.filter(pk=applications[3].pk).update(status="needs_attention")

    work = directory.summarise_work(job.company)

    assert (work.running, work.waiting_for_tokens, work.failed) == (1, 2, 1)
    assert work.url == reverse("application_list", args=[job.company.slug])


def test_work_is_counted_for_several_companies_each_apart(django_assert_num_queries):
    jobs = [JobFactory(), JobFactory()]
    waiting, failed = ApplicationFactory(job=jobs[0]), ApplicationFactory(job=jobs[1])
    Step.objects.filter(run__application=waiting, position=1).update(state="waiting_for_tokens")
    Application.objects.filter(pk=failed.pk).update(status="needs_attention")
    other = ApplicationFactory()
    Application.objects.filter(pk=other.pk).update(status="needs_attention")

    with django_assert_num_queries(2):
        work = directory.count_work([job.company_id for job in jobs])

    assert work == {jobs[0].company_id: directory.WorkCounts(1, 0), jobs[1].company_id: directory.WorkCounts(0, 1)}
