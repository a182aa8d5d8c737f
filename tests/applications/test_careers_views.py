"""Everybody can see open jobs and apply; what cannot be taken in is said, and nothing typed is lost."""

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from ai_gateway.routes import set_route
from ai_gateway.routing import forget_routes
from applications.models import Application, Step
from applications.views import throttling
from config.demo.samples import FOLDER
from tests.applications.factories import CV_TEXT, JobFactory
from tests.tenants.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()


def address(job, name="careers_job"):
    return reverse(name, args=[job.company.slug, job.slug])


def form_data(*, content=CV_TEXT, file_name="cv.txt", **facts):
    data = content if isinstance(content, bytes) else content.encode()
    cv = SimpleUploadedFile(file_name, data)
    return {"name": "Grace Mbeki", "email": "grace@example.com", "phone": "", "cover_note": "Hi", "cv": cv, **facts}


# Jobs --------------------------------------------------------------------------------------------------------


def test_a_company_shows_its_open_jobs(client):
    job = JobFactory(title="Open engineer")
    JobFactory(company=job.company, title="Closed engineer", status="closed")
    JobFactory(title="Another company's engineer")

    response = client.get(reverse("careers_company", args=[job.company.slug]))

    assertContains(response, "Open engineer")
    assertContains(response, address(job))
    assertNotContains(response, "Closed engineer")
    assertNotContains(response, "Another company")


def test_a_company_without_open_jobs_says_so(client):
    job = JobFactory(status="closed")

    assertContains(client.get(reverse("careers_company", args=[job.company.slug])), "No open jobs at the moment")


def test_applicants_are_told_whether_rules_or_ai_read_their_cv(client, settings):
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, "sandbox/sandbox-rules-1")
    job, other = JobFactory(), JobFactory()
    set_route(operation="scoring", company=other.company, chain="openai/gpt-6", acting=UserFactory())
    forget_routes()

    assertContains(client.get(address(job)), "fixed rules, not AI")
    assertNotContains(client.get(address(other)), "fixed rules, not AI")
    assertContains(client.get(address(other)), "the text is sent to an AI provider")


def test_a_company_that_is_not_active_has_no_careers_pages(client):
    job = JobFactory()
    type(job.company).objects.update(is_active=False)

    assert client.get(reverse("careers_company", args=[job.company.slug])).status_code == 404
    assert client.get(address(job)).status_code == 404
    assert client.post(address(job), form_data()).status_code == 404
    assert Application.objects.count() == 0


def test_a_job_under_another_company_s_address_is_not_there(client):
    job, other = JobFactory(), JobFactory()

    assert client.get(reverse("careers_job", args=[other.company.slug, job.slug])).status_code == 404
    assert client.get(reverse("careers_thanks", args=[other.company.slug, job.slug])).status_code == 404


def test_a_job_has_a_form_to_apply_with(client):
    response = client.get(address(JobFactory(description="You build services.")))

    assertContains(response, "You build services.")
    assertContains(response, 'type="file"')
    assertContains(response, "up to 10 MB")


def test_a_closed_job_takes_nothing(client):
    job = JobFactory(status="closed")

    assertContains(client.get(address(job)), "This job is closed")
    assert client.post(address(job), form_data()).status_code == 409
    assert Application.objects.count() == 0


# Applying ----------------------------------------------------------------------------------------------------


def test_an_application_is_taken_in_and_thanked_for(client):
    job = JobFactory()

    response = client.post(address(job), form_data())

    assertRedirects(response, address(job, "careers_thanks"))
    application = Application.objects.get()
    assert (application.job, application.company, application.cover_note) == (job, job.company, "Hi")
    assert (application.candidate.name, application.candidate.email) == ("Grace Mbeki", "grace@example.com")
    assert Step.objects.filter(state="ready").count() == 1


def test_the_same_form_sent_twice_is_thanked_for_twice_and_stored_once(client):
    job = JobFactory()

    for _ in range(2):
        assertRedirects(client.post(address(job), form_data()), address(job, "careers_thanks"))

    assert Application.objects.count() == 1


def test_the_thanks_page_says_what_happens_next(client):
    job = JobFactory(title="Backend Engineer")

    assertContains(client.get(address(job, "careers_thanks")), "Backend Engineer")


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": "nobody"}, "Enter a valid email address."),
        ({"cv": ""}, "This field is required."),
        ({"content": b"", "file_name": "cv.pdf"}, "This file holds no text."),
        ({"content": b"\x89PNG\r\n", "file_name": "cv.pdf"}, "This file is a picture."),
        ({"content": (FOLDER / "hostile-text-named.pdf").read_bytes(), "file_name": "cv.pdf"}, "named .pdf but is"),
        ({"cover_note": "x" * 5001}, "at most 5000 characters"),
    ],
)
def test_what_cannot_be_taken_in_is_said_and_what_was_typed_stays(client, facts, complaint):
    response = client.post(address(JobFactory()), form_data(**{"phone": "+49 40 1", **facts}))

    assertContains(response, complaint)
    assertContains(response, 'value="+49 40 1"')
    assert Application.objects.count() == 0


def test_a_file_that_is_a_little_too_large_is_named_so_and_what_was_typed_stays(client, settings):
    settings.CV_MAX_BYTES = 1000

    response = client.post(address(JobFactory()), form_data(content="x" * 1001))

    assertContains(response, "This file is larger than 0.001 MB.")
    assertContains(response, 'value="Grace Mbeki"')
    assert Application.objects.count() == 0


def test_a_file_that_is_much_too_large_is_dropped_and_what_was_typed_stays(client, settings):
    settings.CV_MAX_BYTES = 200_000
    note = "Written after the file in the form"

    response = client.post(address(JobFactory()), form_data(content="x" * 1_300_000, cover_note=note))

    assertContains(response, "This file is larger than 0.2 MB.", status_code=413)
    assertContains(response, 'value="Grace Mbeki"', status_code=413)
    assertContains(response, note, status_code=413)
    assert list(response.context["form"].errors) == ["cv"]
    assert list(response.wsgi_request.FILES) == []
    assert Application.objects.count() == 0


def test_what_else_is_wrong_beside_too_large_a_file_is_said_at_once(client, settings):
    settings.CV_MAX_BYTES = 200_000

    response = client.post(address(JobFactory()), form_data(content="x" * 1_300_000, email="nobody"))

    assert sorted(response.context["form"].errors) == ["cv", "email"]


def test_a_form_with_too_large_a_file_from_elsewhere_is_refused(settings):
    settings.CV_MAX_BYTES = 200_000
    client = Client(enforce_csrf_checks=True)

    assert client.post(address(JobFactory()), form_data(content="x" * 1_300_000)).status_code == 403


def test_a_request_that_is_far_too_large_is_refused_before_it_is_read(client, settings):
    settings.CV_MAX_BYTES = 1000

    response = client.generic(
        "POST", address(JobFactory()), b"unread", "multipart/form-data; boundary=x", CONTENT_LENGTH="30000000"
    )

    assertContains(response, "This file is larger than 0.001 MB.", status_code=413)
    assert Application.objects.count() == 0


def test_a_form_that_does_not_come_from_our_page_is_refused():
    job = JobFactory()

    assert Client(enforce_csrf_checks=True).post(address(job), form_data()).status_code == 403
    assert Application.objects.count() == 0


def test_a_form_that_comes_from_our_page_is_taken():
    job, client = JobFactory(), Client(enforce_csrf_checks=True)
    client.get(address(job))

    response = client.post(address(job), form_data(csrfmiddlewaretoken=client.cookies["csrftoken"].value))

    assert response.status_code == 302
    assert Application.objects.count() == 1


def test_a_program_that_fills_in_the_trap_is_turned_away(client):
    response = client.post(address(JobFactory()), form_data(website="https://spam.example"))

    assertContains(response, "Please send it once more.")
    assertNotContains(response, "spam.example")
    assert Application.objects.count() == 0


# Floods ------------------------------------------------------------------------------------------------------


def test_too_many_applications_from_one_address_wait_for_the_next_hour(client, settings, monkeypatch):
    monkeypatch.setattr(throttling, "time", lambda: 3600 * 10 + 3540)
    settings.APPLICATIONS_PER_HOUR_PER_ADDRESS = 2
    job = JobFactory()
    for number in range(2):
        assert client.post(address(job), form_data(email=f"p{number}@example.com")).status_code == 302

    response = client.post(address(job), form_data(email="p3@example.com", phone="+49 40 1"))

    assertContains(response, "please send it again in 1 minute.", status_code=429)
    assertContains(response, 'value="+49 40 1"', status_code=429)
    assert response["Retry-After"] == "60"
    assert Application.objects.count() == 2

    monkeypatch.setattr(throttling, "time", lambda: 3600 * 11)
    assert client.post(address(job), form_data(email="p3@example.com")).status_code == 302


def test_another_address_is_not_held_up(client, settings):
    settings.APPLICATIONS_PER_HOUR_PER_ADDRESS = 1
    job = JobFactory()
    client.post(address(job), form_data())

    response = client.post(address(job), form_data(email="b@example.com"), REMOTE_ADDR="203.0.113.9")

    assert response.status_code == 302


def test_a_job_is_kept_from_floods_from_everywhere(client, settings):
    settings.APPLICATIONS_PER_HOUR_PER_JOB = 1
    job = JobFactory()
    client.post(address(job), form_data(), REMOTE_ADDR="203.0.113.1")

    assert client.post(address(job), form_data(email="b@x.org"), REMOTE_ADDR="203.0.113.2").status_code == 429
    assert client.post(address(JobFactory()), form_data(), REMOTE_ADDR="203.0.113.3").status_code == 302


def test_what_is_not_accepted_is_not_counted(client, settings):
    settings.APPLICATIONS_PER_HOUR_PER_ADDRESS = 1
    job = JobFactory()

    for _ in range(3):
        client.post(address(job), form_data(name=""))

    assert client.post(address(job), form_data()).status_code == 302


def test_without_a_cache_people_are_let_in(client, settings, monkeypatch, caplog):
    settings.APPLICATIONS_PER_HOUR_PER_ADDRESS = 0

    def away(*_args, **_options):
        raise ConnectionError

    monkeypatch.setattr(throttling.cache, "add", away)

    assert client.post(address(JobFactory()), form_data()).status_code == 302
    assert "throttle_without_cache" in caplog.text
