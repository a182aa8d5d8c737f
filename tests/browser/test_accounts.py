"""The ways in, with what arrives by mail."""

import re

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from tenants.accounts import verify_address
from tenants.models import Company
from tests.browser.people import admin_of
from tests.browser.reading import read_card
from tests.tenants.factories import PASSWORD, CompanyFactory, UserFactory

pytestmark = pytest.mark.browser

NEW_PASSWORD = "nine grey cranes"


def open_link_in_mail(page: Page, to: str) -> None:
    message = mail.outbox[-1]
    assert message.to == [to]
    page.goto(re.search(r"http://127\.0\.0\.1\S+", message.body)[0])


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def set_password(page: Page) -> None:
    page.get_by_label("New Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New Password (again)").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()


def test_somebody_signs_up_and_their_company_begins_with_the_tokens_of_its_plan(page):
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your email address")
    open_link_in_mail(page, "ana@example.com")
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.get_by_role("status")).to_contain_text("You have confirmed ana@example.com")
    sign_in(page, "ana@example.com", PASSWORD)
    page.get_by_label("Name").fill("Brightwater")
    page.get_by_label("Time zone").select_option("Europe/Lisbon")
    page.get_by_role("button", name="Create").click()

    page.get_by_role("link", name="Tokens").click()
    expect(page.get_by_role("main")).to_contain_text("Days and months in Europe/Lisbon")
    assert read_card(page, "Available balance") == 100_000
    expect(page.get_by_role("main")).to_contain_text("Starter")
    assert Company.objects.get().name == "Brightwater"


def test_a_forgotten_password_is_set_anew_by_mail(page):
    user = UserFactory(email="ana@example.com")
    verify_address(user)
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")

    open_link_in_mail(page, "ana@example.com")
    set_password(page)
    page.context.clear_cookies()

    sign_in(page, "ana@example.com", NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Create your company")


def test_an_invited_member_sets_a_password_and_is_in(page, windows):
    company = CompanyFactory(name="Acme")
    admin = windows.open(admin_of(company))
    admin.goto(f"/c/{company.slug}/members/")
    admin.get_by_label("Email").fill("new@example.com")
    admin.get_by_role("combobox", name="Role", exact=True).select_option("Recruiter")
    admin.get_by_role("button", name="Add").click()
    expect(admin.get_by_role("status")).to_contain_text("An invitation was sent")

    open_link_in_mail(page, "new@example.com")
    set_password(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(page.get_by_role("link", name="Post a job").first).to_be_visible()
