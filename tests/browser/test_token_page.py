"""The token page as admins use it, and as others meet it."""

import pytest
from playwright.sync_api import Page, expect

from tests.applications.factories import subscribed_company
from tests.browser.people import admin_of, recruiter_of, tokens_of
from tests.browser.reading import number, read_card, read_table
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import hold, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.browser


@pytest.fixture
def company(windows):
    return subscribed_company(tokens=100_000)


def use(company, *charges: int) -> None:
    """Settle calls that were charged so much each."""
    for tokens in charges:
        settle_hold(hold_id=hold(company, tokens).hold_id, usages=[used(tokens)], answer=None)


def list_charges(page: Page) -> list[int]:
    return [number(row["Charged"]) for row in read_table(page, "Recent usage")]


def test_refreshing_changes_the_figures_and_keeps_the_focus(windows, company):
    use(company, 1_000)
    page = windows.open(admin_of(company))
    page.goto(tokens_of(company))
    assert read_card(page, "Available balance") == 99_000
    page.evaluate("window.isTheSameVisit = true")

    use(company, 250)
    refresh = page.get_by_role("link", name="Refresh")
    refresh.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_contain_text("1,250 used")
    assert (read_card(page, "Available balance"), read_card(page, "Used this month")) == (98_750, 1_250)
    assert list_charges(page) == [250, 1_000]
    expect(refresh).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("Figures as of")
    assert page.evaluate("window.isTheSameVisit")


def test_without_scripts_refresh_is_a_link(windows, company):
    page = windows.open(admin_of(company), java_script_enabled=False)
    page.goto(tokens_of(company))
    expect(page.get_by_role("heading", name="Recent usage")).to_have_count(0)

    use(company, 1_000)
    page.get_by_role("link", name="Refresh").click()

    expect(page.get_by_role("main")).to_contain_text("1,000 used")


def test_without_scripts_older_calls_are_a_page_further(windows, company):
    use(company, *range(1, 31))
    page = windows.open(admin_of(company), java_script_enabled=False)
    page.goto(tokens_of(company))
    assert list_charges(page) == list(range(30, 5, -1))

    page.get_by_role("link", name="Older").click()
    assert list_charges(page) == [5, 4, 3, 2, 1]
    expect(page.get_by_role("link", name="Older")).to_have_count(0)

    page.get_by_role("link", name="Newest").click()
    assert list_charges(page) == list(range(30, 5, -1))


def test_a_recruiter_is_told_that_the_page_is_not_for_them(windows, company):
    page = windows.open(recruiter_of(company))

    response = page.goto(tokens_of(company))

    assert response.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("Your role does not include this page")
    expect(page.get_by_role("main")).to_contain_text(f"You are recruiter of {company.name}.")
    expect(page.get_by_role("link", name="Tokens")).to_have_count(0)


def test_for_members_of_other_companies_there_is_no_such_page(windows, company):
    page = windows.open(admin_of(MembershipFactory().company))

    response = page.goto(tokens_of(company))

    assert response.status == 404
    expect(page.get_by_role("main")).not_to_contain_text(company.name)
