"""Members see an application, what AI found out about it and what it cost."""

from uuid import uuid4

import pytest
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from applications.models import CV, Step
from config.demo.samples import FOLDER
from tenants.models import Role
from tests.applications.factories import CV_TEXT, ApplicationFactory, JobFactory
from tests.applications.hiring import charges, step_of, work
from tests.applications.opening import address, application_for, fail_first_step
from tests.tenants.factories import sign_in

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("upstream")
def test_why_a_file_cannot_be_read_is_said_once_beside_the_history(client):
    scan = (FOLDER / "hostile-image-only.pdf").read_bytes()
    application = application_for(client, Role.RECRUITER, pages=None, content=scan, file_name="cv.pdf")
    work()

    page = client.get(address("application_detail", application)).text

    message = step_of(application).error_message
    assert message == CV.objects.get().error_message
    present, _, history = page.partition('id="application-history"')
    assert (present.count(message), history.count(message)) == (1, 1)
    assert "This file could not be read" in page


def test_what_is_wrong_with_a_file_is_said_beside_it_while_its_step_says_nothing(client):
    application = application_for(client, Role.RECRUITER)
    CV.objects.update(error_code="image_only", error_message="It holds pictures alone.")

    assertContains(client.get(address("application_detail", application)), "It holds pictures alone.", count=1)


def test_a_screened_application_shows_result_evidence_and_cost(client, upstream):
    application = application_for(client, Role.VIEWER)
    work()

    response = client.get(address("application_detail", application))

    context = response.context
    charged = charges(application.company)
    assert [step.charged_tokens for step in context["steps"]] == charged
    assert context["total_charged_tokens"] == sum(charged)
    assert (context["progress"].done, context["progress"].active, context["poll_url"]) == (4, False, None)
    assert context["result"].score == 95
    assert context["result"].evidence_percent == 33
    assertContains(response, "Seven years of Python in production")
    assertContains(response, "found in the CV word for word")
    assertContains(response, "sandbox: rules, not AI")
    assertContains(response, "Look closer")
    assertNotContains(response, "hx-get")


def test_a_criterion_without_evidence_is_unknown(client, upstream):
    application = application_for(client, Role.VIEWER)
    work()

    findings = client.get(address("application_detail", application)).context["result"].analysis.findings

    assert [(row.criterion, row.finding, row.weight, row.must_have) for row in findings] == [
        ("Python in production", "met", 1, True),
        ("Leading a team", "no_evidence", 2, False),
    ]


def test_what_was_read_is_shown_in_the_order_of_a_cv(client, upstream):
    application = application_for(client, Role.VIEWER)
    work()

    parsed = client.get(address("application_detail", application)).context["result"].parsed

    assert list(parsed)[:3] == ["full_name", "email", "phone"]
    assert list(parsed)[-2:] == ["experience", "education"]


def test_a_quote_that_is_not_in_the_cv_is_marked(client, upstream):
    application = application_for(client, Role.VIEWER)
    work()
    CV.objects.update(pages=["Another text altogether"])

    response = client.get(address("application_detail", application))

    assert response.context["result"].analysis.findings[0].finding == "unverified"
    assertContains(response, "do not rely on it")


def test_while_work_is_under_way_the_page_polls(client):
    application = application_for(client, Role.VIEWER)

    response = client.get(address("application_detail", application))

    assertContains(response, f'hx-get="{address("application_progress", application)}"')
    assert response.context["result"] is None


def test_a_poll_brings_the_parts_that_change(client, upstream):
    application = application_for(client, Role.RECRUITER)
    work()

    response = client.get(address("application_progress", application), headers={"HX-Request": "true"})

    assertContains(response, "4 of 4 steps done")
    assertContains(response, 'id="application-status" hx-swap-oob="true"')
    assertContains(response, "Re-sieve")
    assertNotContains(response, "<html")
    assertNotContains(response, "hx-get")


def test_the_poll_s_address_opened_by_itself_is_the_whole_page(client):
    application = application_for(client, Role.VIEWER)

    response = client.get(address("application_progress", application))

    assertRedirects(response, address("application_detail", application))


def test_waiting_for_tokens_is_said_and_looked_at_again(client, upstream):
    application = application_for(client, Role.VIEWER, job=JobFactory(tokens=0))
    work()

    response = client.get(address("application_detail", application))

    assertContains(response, "There are no tokens left. It continues by itself as soon as that has changed.")
    assert response.context["steps"][0].state == "waiting_for_tokens"
    shown = response.context["application"]
    assert (shown.status, shown.status_label) == ("waiting_for_tokens", "Waiting for tokens")
    assertContains(response, f'hx-get="{address("application_progress", application)}" hx-trigger="every 15s"')


def test_waiting_for_tomorrow_is_said(client, upstream):
    application = application_for(client, Role.VIEWER)
    type(application.job).objects.update(daily_ai_cap=0)
    work()

    response = client.get(address("application_detail", application))

    assertContains(response, "limit of 0 applications for this job is reached")
    assert response.context["steps"][0].state == "held_back"


def test_a_failed_step_says_why_whether_it_was_charged_and_how_to_go_on(client):
    application = application_for(client, Role.RECRUITER)
    step = fail_first_step(application)

    response = client.get(address("application_detail", application))

    assertContains(response, "It took too long.")
    assertContains(response, "Nothing was charged.")
    assertContains(response, reverse("step_retry", args=[application.company.slug, step.pk]))


def test_a_failure_after_charged_answers_says_so(client, upstream):
    application = application_for(client, Role.RECRUITER)
    upstream.misbehave("empty_answer", "empty_answer", "empty_answer")
    work()

    response = client.get(address("application_detail", application))

    assertContains(response, "AI gave an empty answer.")
    assertContains(response, "The call was charged.")


def test_a_step_that_will_be_tried_again_says_so(client):
    application = application_for(client, Role.VIEWER)
    Step.objects.filter(position=1).update(error_code="provider_timeout", error_message="It took too long.")

    response = client.get(address("application_detail", application))

    assertContains(response, "It took too long. It is tried again by itself.")


def test_what_reading_left_out_of_the_cv_is_said(client):
    application = application_for(client, Role.VIEWER, cover_note="I can start in May.")
    CV.objects.update(notes=["hidden_text_removed"])

    response = client.get(address("application_detail", application))

    assertContains(response, "The file held text that a reader does not see.")
    assertContains(response, "I can start in May.")


def test_viewers_see_everything_and_can_change_nothing(client):
    application = application_for(client, Role.VIEWER)
    step = fail_first_step(application)

    response = client.get(address("application_detail", application))

    assert response.context["cv"].download_url is None
    assertNotContains(response, reverse("step_retry", args=[application.company.slug, step.pk]))
    assertNotContains(response, address("application_resieve", application))


def test_only_who_may_see_tokens_is_led_to_them(client):
    application = application_for(client, Role.RECRUITER)
    assert client.get(address("application_detail", application)).context["ledger_url"] is None

    sign_in(client, Role.ADMIN, company=application.company)
    ledger_url = client.get(address("application_detail", application)).context["ledger_url"]
    token_url = reverse("token_page", args=[application.company.slug])
    assert ledger_url == f"{token_url}?application={application.pk}#recent-usage"


@pytest.mark.parametrize("name", ["application_detail", "application_progress", "cv_download"])
def test_an_application_of_another_company_is_not_there(client, name):
    application = ApplicationFactory()
    own = sign_in(client, Role.OWNER)

    assert client.get(address(name, application)).status_code == 404
    assert client.get(reverse(name, args=[own.company.slug, application.pk])).status_code == 404
    assert client.get(reverse(name, args=[own.company.slug, uuid4()])).status_code == 404


def test_strangers_are_asked_to_sign_in(client):
    response = client.get(address("application_detail", ApplicationFactory()))

    assert response["Location"].startswith(reverse("account_login"))


# The file ----------------------------------------------------------------------------------------------------


def test_a_recruiter_gets_the_file_as_it_was_uploaded(client):
    application = application_for(client, Role.RECRUITER, file_name="Grace Mbeki.txt")

    response = client.get(address("cv_download", application))

    assert b"".join(response.streaming_content) == CV_TEXT.encode()
    assert response["Content-Disposition"] == 'attachment; filename="Grace Mbeki.txt"'
    assert response["Content-Type"] == "text/plain"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Cache-Control"] == "private, no-store"


def test_viewers_do_not_get_the_file(client):
    application = application_for(client, Role.VIEWER)

    assert client.get(address("cv_download", application)).status_code == 403


def test_a_file_that_is_gone_is_not_there(client):
    application = application_for(client, Role.RECRUITER)
    application.cv.file.storage.delete(application.cv.file.name)
    assert client.get(address("cv_download", application)).status_code == 404

    CV.objects.update(file="")
    assert client.get(address("cv_download", application)).status_code == 404
    assertContains(client.get(address("application_detail", application)), "The CV was erased.")


def test_an_evaluation_takes_a_fixed_number_of_queries(client, upstream, django_assert_num_queries):
    application = application_for(client, Role.VIEWER)
    work()

    # session, user, membership, application, run, steps, usage, events, companies of the menu
    with django_assert_num_queries(9):
        client.get(address("application_detail", application))
