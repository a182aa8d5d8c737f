"""Members see and post jobs."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from applications.models import Criterion, Job
from tenants.models import Role
from tests.applications.factories import ApplicationFactory, JobFactory
from tests.tenants.factories import sign_in

pytestmark = pytest.mark.django_db


def form_data(**facts):
    return {
        "title": "Backend Engineer",
        "description": "Build services.",
        "location": "Hamburg",
        "status": "open",
        "daily_ai_cap": "50",
        "criteria-TOTAL_FORMS": "3",
        "criteria-INITIAL_FORMS": "0",
        "criteria-0-text": "Python",
        "criteria-0-weight": "5",
        "criteria-0-must_have": "on",
        "criteria-1-text": "SQL",
        "criteria-1-weight": "2",
        "criteria-2-text": "",
        "criteria-2-weight": "3",
        **facts,
    }


def address(name, job):
    return reverse(name, args=[job.company.slug, job.slug])


# The list ----------------------------------------------------------------------------------------------------


def test_members_see_their_jobs_and_nobody_else_s(client):
    member = sign_in(client, Role.VIEWER)
    JobFactory(company=member.company, title="Our engineer")
    JobFactory(title="Their engineer")

    response = client.get(reverse("job_list", args=[member.company.slug]))

    assertContains(response, "Our engineer")
    assertNotContains(response, "Their engineer")
    assertNotContains(response, reverse("job_new", args=[member.company.slug]))


def test_the_list_counts_applications(client):
    member = sign_in(client, Role.RECRUITER)
    job = JobFactory(company=member.company)
    ApplicationFactory(job=job)
    ApplicationFactory(job=job)

    response = client.get(reverse("job_list", args=[member.company.slug]))

    assert [(row.application_count, row.charged_tokens) for row in response.context["rows"]] == [(2, None)]
    assertContains(response, reverse("job_new", args=[member.company.slug]))


def test_the_list_takes_as_many_queries_for_ten_jobs_as_for_one(client, django_assert_num_queries):
    member = sign_in(client, Role.VIEWER)
    JobFactory(company=member.company)
    url = reverse("job_list", args=[member.company.slug])
    expected = 8  # session, user, membership, how many, jobs, applications, usage, companies of the menu

    with django_assert_num_queries(expected):
        client.get(url)
    JobFactory.create_batch(9, company=member.company)
    with django_assert_num_queries(expected):
        client.get(url)


def test_long_lists_have_pages(client):
    member = sign_in(client, Role.VIEWER)
    JobFactory.create_batch(26, company=member.company, criteria=[])

    response = client.get(reverse("job_list", args=[member.company.slug]), {"page": "2"})

    assert len(response.context["rows"]) == 1
    assertContains(response, "?page=1")


# One job -----------------------------------------------------------------------------------------------------


def test_a_job_shows_its_criteria_applications_and_cap(client):
    member = sign_in(client, Role.VIEWER)
    job = JobFactory(company=member.company, criteria=["Underwater welding"])
    application = ApplicationFactory(job=job, name="Ada Lovelace")
    application.runs.update(admitted_on=application.created_at.date())

    response = client.get(address("job_detail", job))

    assertContains(response, "Underwater welding")
    assertContains(response, "Ada Lovelace")
    assertContains(response, reverse("careers_job", args=[job.company.slug, job.slug]))
    cap = response.context["cap"]
    assert (cap.used, cap.limit, cap.waiting, cap.used_percent) == (1, 200, 0, 0.5)


def test_a_job_of_another_company_is_not_there(client):
    member = sign_in(client, Role.OWNER)
    job = JobFactory()

    assert client.get(reverse("job_detail", args=[member.company.slug, job.slug])).status_code == 404
    assert client.get(address("job_detail", job)).status_code == 404


def test_strangers_are_asked_to_sign_in(client):
    job = JobFactory()

    response = client.get(address("job_detail", job))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


# Posting -----------------------------------------------------------------------------------------------------


def test_a_recruiter_posts_a_job_with_criteria(client):
    member = sign_in(client, Role.RECRUITER)

    response = client.post(reverse("job_new", args=[member.company.slug]), form_data())

    job = Job.objects.get()
    assert response["Location"] == address("job_detail", job)
    assert (job.title, job.location, job.daily_ai_cap) == ("Backend Engineer", "Hamburg", 50)
    assert (job.company, job.created_by) == (member.company, member.user)
    assert list(job.criteria.values_list("code", "text", "weight", "must_have")) == [
        ("c1", "Python", 5, True),
        ("c2", "SQL", 2, False),
    ]


def test_an_empty_form_comes_with_lines_for_criteria(client):
    member = sign_in(client, Role.RECRUITER)

    response = client.get(reverse("job_new", args=[member.company.slug]))

    assertContains(response, 'name="criteria-2-text"')


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"title": ""}, "This field is required."),
        ({"criteria-0-weight": "11"}, "less than or equal to 10"),
        ({"criteria-0-weight": ""}, "This field is required."),
        ({"daily_ai_cap": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_said_beside_the_field(client, facts, complaint):
    member = sign_in(client, Role.RECRUITER)

    response = client.post(reverse("job_new", args=[member.company.slug]), form_data(**facts))

    assertContains(response, complaint)
    assert Job.objects.count() == 0


def test_viewers_post_and_change_nothing(client):
    member = sign_in(client, Role.VIEWER)
    job = JobFactory(company=member.company, title="As it was")

    assert client.post(reverse("job_new", args=[member.company.slug]), form_data()).status_code == 403
    assert client.post(address("job_edit", job), form_data()).status_code == 403

    assert [job.title for job in Job.objects.all()] == ["As it was"]


def test_a_recruiter_changes_a_job_and_its_criteria(client):
    member = sign_in(client, Role.RECRUITER)
    job = JobFactory(company=member.company, criteria=["Python", "SQL"])
    page = client.get(address("job_edit", job))
    assertContains(page, 'name="criteria-0-code" value="c1"')

    client.post(
        address("job_edit", job),
        form_data(
            **{
                "criteria-INITIAL_FORMS": "2",
                "criteria-0-code": "c1",
                "criteria-0-text": "Python 3",
                "criteria-1-code": "c2",
                "criteria-1-DELETE": "on",
                "criteria-2-text": "Docker",
                "status": "closed",
            }
        ),
    )

    job.refresh_from_db()
    assert job.status == "closed"
    assert list(job.criteria.values_list("code", "text")) == [("c1", "Python 3"), ("c3", "Docker")]


def test_a_job_of_another_company_cannot_be_changed(client):
    sign_in(client, Role.OWNER)
    job = JobFactory(title="As it was")

    assert client.post(address("job_edit", job), form_data()).status_code == 404

    job.refresh_from_db()
    assert job.title == "As it was"
    assert Criterion.objects.filter(text="Python").count() == 0
