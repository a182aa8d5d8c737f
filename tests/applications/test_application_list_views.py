"""Members see the applications of their company, narrowed as they wish."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains

from ai_gateway import routing
from tenants.models import Role
from tests.applications.factories import ApplicationFactory, JobFactory
from tests.applications.hiring import charges, work
from tests.applications.opening import application_for
from tests.tenants.factories import sign_in

pytestmark = pytest.mark.django_db


def list_names(client, company, **filters):
    response = client.get(reverse("application_list", args=[company.slug]), filters)
    return [row.candidate_name for row in response.context["rows"]]


def test_the_list_shows_the_company_s_applications_newest_first(client):
    job = JobFactory()
    sign_in(client, Role.VIEWER, company=job.company)
    ApplicationFactory(job=job, name="Ada")
    ApplicationFactory(job=job, name="Grace")
    ApplicationFactory(name="Somebody else's")

    assert list_names(client, job.company) == ["Grace", "Ada"]


def test_the_list_is_filtered_by_job_status_and_text(client):
    job = JobFactory()
    other = JobFactory(company=job.company)
    sign_in(client, Role.VIEWER, company=job.company)
    ada = ApplicationFactory(job=job, name="Ada", email="ada@example.com")
    ApplicationFactory(job=other, name="Grace", email="grace@navy.example")
    type(ada).objects.filter(pk=ada.pk).update(status="screened")

    assert list_names(client, job.company, job=other.slug) == ["Grace"]
    assert list_names(client, job.company, status="screened") == ["Ada"]
    assert list_names(client, job.company, q="NAVY") == ["Grace"]
    assert list_names(client, job.company, q="nobody") == []


def test_filters_that_make_no_sense_are_left_out(client):
    application = application_for(client, Role.VIEWER, name="Ada")
    foreign = JobFactory()

    assert list_names(client, application.company, job=foreign.slug, status="nonsense", page="x") == ["Ada"]


def test_a_search_without_a_match_offers_to_clear_it(client):
    application = application_for(client, Role.VIEWER)

    response = client.get(reverse("application_list", args=[application.company.slug]), {"q": "nobody"})

    assertContains(response, "Clear the filters")


def test_the_list_takes_as_many_queries_for_ten_applications_as_for_one(client, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(routing, "CACHE_SECONDS", 3600)
    application = application_for(client, Role.VIEWER)
    url = reverse("application_list", args=[application.company.slug])
    client.get(url)  # who answers is remembered from here on
    # session, user, membership, how many, applications, steps, usage, jobs of the filter, companies of the menu
    expected = 9

    with django_assert_num_queries(expected):
        client.get(url)
    ApplicationFactory.create_batch(9, job=application.job)
    with django_assert_num_queries(expected):
        client.get(url)


def test_a_row_tells_how_far_screening_is_and_what_it_cost(client, upstream):
    application = application_for(client, Role.VIEWER)
    work()

    [row] = client.get(reverse("application_list", args=[application.company.slug])).context["rows"]

    assert (row.steps_done, row.steps_total, row.step_state, row.score) == (4, 4, "", 95)
    assert row.charged_tokens == sum(charges(application.company))


def test_the_list_says_who_waits_for_tokens(client, upstream):
    application = application_for(client, Role.VIEWER, job=JobFactory(tokens=0))
    work()

    response = client.get(reverse("application_list", args=[application.company.slug]))

    assert [row.status_label for row in response.context["rows"]] == ["Waiting for tokens"]
