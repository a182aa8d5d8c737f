"""Without tokens work waits, says so wherever people look, and goes on by itself."""

import pytest
from playwright.sync_api import expect

from tests.applications.factories import ApplicationFactory, JobFactory
from tests.applications.hiring import work
from tests.browser.people import address_of, admin_of, recruiter_of, tokens_of
from tests.browser.reading import screening
from tests.tokens.ledger import grant

pytestmark = pytest.mark.browser


def test_an_application_waits_and_goes_on_when_tokens_arrive(windows):
    application = ApplicationFactory(job=JobFactory(tokens=0))
    company = application.company
    applications, tokens = windows.open(recruiter_of(company)), windows.open(admin_of(company))
    work()

    applications.goto(address_of(application))
    tokens.goto(tokens_of(company))
    expect(applications.locator(".note")).to_contain_text(
        "There are no tokens left. It continues by itself as soon as that has changed."
    )
    expect(applications.locator(".stepper .badge").first).to_have_text("Waiting for tokens")
    expect(tokens.get_by_role("region", name="Alerts")).to_contain_text("No tokens available")
    expect(tokens.get_by_role("main")).to_contain_text("1 waiting for tokens")

    grant(company, 50_000)
    work()
    applications.reload()
    tokens.get_by_role("link", name="Refresh").click()

    expect(screening(applications)).to_contain_text("4 of 4 steps done")
    expect(tokens.get_by_role("main")).to_contain_text("None waiting for tokens")
    expect(tokens.get_by_role("region", name="Alerts")).to_have_count(0)
