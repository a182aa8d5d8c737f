"""Recruiters try a failed step again, and screen an application anew."""

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains, assertRedirects

from applications.models import Run
from tenants.models import Role
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import states_of, step_of, work
from tests.applications.opening import address, application_for, fail_first_step
from tests.tenants.factories import sign_in

pytestmark = pytest.mark.django_db


def test_a_recruiter_tries_a_failed_step_again(client):
    application = application_for(client, Role.RECRUITER)
    step = fail_first_step(application)

    response = client.post(reverse("step_retry", args=[application.company.slug, step.pk]))

    assertRedirects(response, address("application_detail", application))
    assert step_of(application).state == "ready"


def test_a_step_that_did_not_fail_is_left_alone_and_that_is_said(client):
    application = application_for(client, Role.RECRUITER)
    step = step_of(application)

    response = client.post(reverse("step_retry", args=[application.company.slug, step.pk]), follow=True)

    assertContains(response, "This step cannot be tried again")
    assert step_of(application).state == "ready"


@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_who_may_not_retry_changes_nothing(client, role):
    application = ApplicationFactory()
    step = fail_first_step(application)
    sign_in(client, Role.OWNER) if role is None else sign_in(client, role, company=application.company)

    response = client.post(reverse("step_retry", args=[application.company.slug, step.pk]))

    assert response.status_code == (404 if role is None else 403)
    assert step_of(application).state == "failed"


def test_a_recruiter_screens_an_application_again(client, upstream):
    application = application_for(client, Role.RECRUITER)
    work()
    form = client.get(address("application_detail", application)).context["resieve_form"]
    sent = {"number": form.initial["number"], "from_operation": "scoring", "reason": "New criteria"}

    for _ in range(2):
        response = client.post(address("application_resieve", application), sent)

    assertRedirects(response, address("application_detail", application))
    assert states_of(application) == ["succeeded", "succeeded", "ready", "blocked"]
    assert list(Run.objects.values_list("number", flat=True)) == [1, 2]
    assert client.get(address("application_detail", application)).context["steps"][0].charged_tokens is None


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"number": "2", "from_operation": "cv_parse"}, "Screening is still under way."),
        ({"number": "2", "from_operation": "nonsense"}, "Choose the step to start from"),
        ({}, "Choose the step to start from"),
    ],
)
def test_what_cannot_be_started_is_said_and_starts_nothing(client, sent, words):
    application = application_for(client, Role.RECRUITER)

    response = client.post(address("application_resieve", application), sent, follow=True)

    assertContains(response, words)
    assert Run.objects.count() == 1


def test_a_start_behind_what_has_no_result_is_refused_in_words(client):
    application = application_for(client, Role.RECRUITER)
    fail_first_step(application)

    sent = {"number": "2", "from_operation": "decision"}
    response = client.post(address("application_resieve", application), sent, follow=True)

    assertContains(response, "have no results yet. Start from an earlier step.")
    assert Run.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_who_may_not_screen_again_starts_nothing(client, role):
    application = ApplicationFactory()
    fail_first_step(application)
    sign_in(client, Role.OWNER) if role is None else sign_in(client, role, company=application.company)

    response = client.post(address("application_resieve", application), {"number": "2", "from_operation": "cv_parse"})

    assert response.status_code == (404 if role is None else 403)
    assert Run.objects.count() == 1
