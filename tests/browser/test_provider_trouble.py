"""When a provider fails, a recruiter reads why, whether it was charged, and can try again."""

import pytest
from playwright.sync_api import Page, expect

from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import charges, work
from tests.browser.people import address_of, recruiter_of
from tests.browser.reading import number, read_table, screening

pytestmark = pytest.mark.browser


@pytest.fixture
def application(windows):
    return ApplicationFactory()


@pytest.fixture
def page(windows, application) -> Page:
    return windows.open(recruiter_of(application.company))


def test_answers_that_are_no_use_were_charged_and_a_retry_goes_on(page, application, upstream):
    upstream.misbehave("bad_json_answer", "bad_json_answer", "bad_json_answer")
    work()

    page.goto(address_of(application))
    trouble = page.locator(".note", has_text="Read CV: Failed")
    expect(trouble).to_contain_text("AI answered, but not in the form that was asked for.")
    expect(trouble).to_contain_text("The call was charged.")
    row = read_table(page, "Cost of each step")[0]
    assert number(row["Charged"]) == sum(charges(application.company)) > 0

    retry_and_finish(page)


def test_a_refused_key_was_not_charged_and_a_retry_goes_on(page, application, settings):
    key = settings.AI_PROVIDERS["sandbox"]["api_key"]
    settings.AI_PROVIDERS["sandbox"]["api_key"] = "wrong-key"
    work()

    page.goto(address_of(application))
    trouble = page.locator(".note", has_text="Read CV: Failed")
    expect(trouble).to_contain_text("Nothing was charged.")

    settings.AI_PROVIDERS["sandbox"]["api_key"] = key
    retry_and_finish(page)


def retry_and_finish(page: Page) -> None:
    page.get_by_role("button", name="Retry this step").click()
    expect(screening(page)).to_contain_text("Step 1 of 4")
    work()
    expect(screening(page)).to_contain_text("4 of 4 steps done")
    expect(page.get_by_role("button", name="Retry this step")).to_have_count(0)
