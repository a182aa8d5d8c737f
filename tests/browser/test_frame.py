"""What stands around every page: menus, the theme, the way past the top bar."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import list_barriers
from tests.browser.people import admin_of
from tests.tenants.factories import CompanyFactory

pytestmark = pytest.mark.browser


@pytest.fixture
def page(windows) -> Page:
    company = CompanyFactory()
    page = windows.open(admin_of(company), color_scheme="light")
    page.goto(f"/c/{company.slug}/members/")
    return page


def test_escape_closes_a_menu_and_gives_the_focus_back(page):
    menu = page.locator("summary", has_text="Your account")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert list_barriers(page) == []

    page.get_by_role("link", name="Change password").focus()
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_chosen_theme_holds_on_every_page(page):
    expect(page.locator("html")).to_have_css("color-scheme", "light dark")
    page.locator("summary", has_text="Your account").click()
    page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_css("color-scheme", "dark")

    page.get_by_role("link", name="Jobs").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(page.locator("html")).to_have_css("color-scheme", "dark")


def test_the_keyboard_leads_past_the_top_bar(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()

    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
