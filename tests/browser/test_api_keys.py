"""API keys as admins make and revoke them."""

import re

import pytest
from playwright.sync_api import expect

from tenants.models import ApiKey
from tests.browser.people import admin_of
from tests.tenants.factories import CompanyFactory, new_api_key
from tests.tenants.keys import find_api_key

pytestmark = pytest.mark.browser


@pytest.fixture
def company(windows):
    return CompanyFactory(slug="brightwater")


def create_key(page) -> str:
    """Make a key by the form, and return the secret that the page shows."""
    page.goto("/c/brightwater/keys/")
    page.get_by_role("link", name="Create a key").click()
    page.get_by_label("Name").fill("Nightly import")
    page.get_by_role("button", name="Create the key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Key created")
    return page.locator("#api-key-secret").inner_text()


def test_a_key_is_made_in_the_page_and_a_reload_makes_no_other(windows, company):
    page = windows.open(admin_of(company))
    secret = create_key(page)

    assert find_api_key(secret).name == "Nightly import"
    expect(page.get_by_role("status")).to_contain_text("Copy it now")
    expect(page.get_by_role("heading", name=re.compile("Copy the key"))).to_be_focused()

    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("New API key")
    assert ApiKey.objects.count() == 1


def test_the_secret_is_copied_by_a_button(windows, company):
    page = windows.open(admin_of(company))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secret = create_key(page)

    page.get_by_role("button", name="Copy the key").click()

    expect(page.get_by_role("status")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret


def test_without_scripts_a_key_is_made_and_revoked_by_plain_forms(windows, company):
    page = windows.open(admin_of(company), java_script_enabled=False)
    secret = create_key(page)
    expect(page.get_by_role("button", name="Copy the key")).to_have_count(0)

    page.get_by_role("link", name="I have stored it").click()
    page.get_by_role("link", name="Revoke Nightly import").click()
    page.get_by_role("button", name="Revoke the key").click()

    expect(page.get_by_role("status")).to_contain_text("“Nightly import” is revoked.")
    assert find_api_key(secret) is None


def test_a_key_that_is_kept_after_all_still_works(windows, company):
    _, secret = new_api_key(company, name="Nightly import")
    page = windows.open(admin_of(company))
    page.goto("/c/brightwater/keys/")

    page.get_by_role("link", name="Revoke Nightly import").click()
    page.get_by_role("link", name="Keep it").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Nightly import")
    assert find_api_key(secret) is not None
