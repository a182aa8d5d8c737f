"""Every page, wide and on a phone, light and dark: nobody is kept out, and nothing has to be moved sideways.

What browsers complain about (scripts, the content security policy, missing files) is asserted by ``windows``.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from ai_gateway.provider_keys import set_provider_key
from applications.models import Job
from config.demo.samples import FOLDER
from config.demo.seed import seed_demo
from tenants.models import ApiKey, Company, User
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import work
from tests.browser.looking import is_too_wide, list_barriers
from tests.browser.people import address_of, admin_of, tokens_of
from tests.browser.windows import NARROW, PHONE, WIDE
from tests.tenants.factories import CompanyFactory, new_api_key
from tokens.models import BudgetPeriod, BudgetScope
from tokens.services.budgets import set_budget

pytestmark = pytest.mark.browser


@pytest.fixture
def pages(windows, settings) -> dict[str, dict[str, str]]:
    """The addresses of all kinds of pages, by who opens them, on a day on which something happened."""
    company, _ = seed_demo()
    job = Job.objects.get(slug="backend-engineer")
    acting = company.memberships.get(user__email="adam@demo.example")
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, **dict.fromkeys(("openai", "anthropic"), {"kind": "openai"})}
    set_provider_key(company=company, provider="openai", secret="sk-proj-0123456789abcdefWXYZ", acting=acting)
    screened = ApplicationFactory(job=job, name="Grace Mbeki")
    failed = ApplicationFactory(job=job, pages=None, content=(FOLDER / "hostile-image-only.pdf").read_bytes())
    work()
    waiting = ApplicationFactory(job=job)
    beginner = admin_of(CompanyFactory(name="Brightwater", slug="brightwater"))
    here = f"/c/{company.slug}"
    return {
        "": {
            "home": "/",
            "sign in": "/accounts/login/",
            "sign up": "/accounts/signup/",
            "forgotten password": "/accounts/password/reset/",
            "careers": f"/careers/{company.slug}/",
            "job to apply for": f"/careers/{company.slug}/{job.slug}/",
            "thanks": f"/careers/{company.slug}/{job.slug}/thanks/",
        },
        "rita@demo.example": {
            "jobs": f"{here}/jobs/",
            "job": f"{here}/jobs/{job.slug}/",
            "new job": f"{here}/jobs/new/",
            "changed job": f"{here}/jobs/{job.slug}/edit/",
            "applications": f"{here}/applications/",
            "application": address_of(screened),
            "failed application": address_of(failed),
            "waiting application": address_of(waiting),
        },
        "adam@demo.example": {
            "tokens": f"{here}/tokens/",
            "members": f"{here}/members/",
            "removing a member": f"{here}/members/{company.memberships.get(user__email='rita@demo.example').pk}/remove/",
            "settings": f"{here}/settings/",
            "models": f"{here}/models/",
            "choosing a model": f"{here}/models/scoring/",
            "usage of one key": f"{here}/tokens/?key={used_key(company).pk}",
            "new company": "/companies/new/",
            "API keys": f"{here}/keys/",
            "API key": f"{here}/keys/{used_key(company).pk}/",
            "new API key": f"{here}/keys/new/",
            "provider keys": f"{here}/provider-keys/",
            "provider key": f"{here}/provider-keys/openai/",
            "removing a provider key": f"{here}/provider-keys/openai/remove/",
            "revoking an API key": f"{here}/keys/{used_key(company).pk}/revoke/",
        },
        beginner.email: {
            "tokens never used": tokens_of(beginner.memberships.get().company),
            "no applications": "/c/brightwater/applications/",
            "no API keys": "/c/brightwater/keys/",
        },
        "stella@winnow.example": {
            "staff": "/staff/",
            "ledger": "/staff/ledger/",
            "models of all": "/staff/models/",
            "prices": "/staff/prices/",
            "price": "/staff/prices/models/sandbox/*/",
            "rate": "/staff/prices/operations/video_interview/",
        },
    }


def used_key(company: Company) -> ApiKey:
    """Make a key with every limit there is, one of which is reached."""
    key, _ = new_api_key(
        company,
        name="Nightly import of all applications",
        allowed_models=["claude-haiku-*", "gpt-6.1-terra"],
        requests_per_minute=600,
        expires_at=timezone.now() + timedelta(days=3),
    )
    budget = {"company_id": company.pk, "scope": BudgetScope.KEY, "scope_id": str(key.pk)}
    set_budget(**budget, period=BudgetPeriod.MONTH, limit_tokens=2_000_000)
    set_budget(**budget, period=BudgetPeriod.DAY, limit_tokens=0)
    return key


def visit(windows, pages, **look: Any) -> Iterator[tuple[str, Page]]:
    """Open page after page as somebody who may, and yield each with its name."""
    for email, addresses in pages.items():
        window = windows.open(User.objects.get(email=email) if email else None, **look)
        for name, address in addresses.items():
            assert window.goto(address).ok, name
            yield name, window
            if name == "job to apply for":
                window.get_by_role("button", name="Send application").click()
                yield "form with errors", window
            if name == "new API key":
                window.get_by_role("button", name="Create the key").click()
                expect(window.get_by_role("alert")).to_be_visible()
                yield "key form with errors", window
                window.get_by_label("Name").fill("Nightly import")
                window.get_by_role("button", name="Create the key").click()
                expect(window.get_by_role("heading", level=1)).to_have_text("Key created")
                yield "secret of an API key", window


def list_faults(page: Page) -> list[str]:
    """Return what keeps people from using a page, and that it does not fit a small phone."""
    faults, size = list_barriers(page), page.viewport_size
    page.set_viewport_size(NARROW)
    if is_too_wide(page):
        faults.append("wider than a small phone")
    page.set_viewport_size(size)
    return faults


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide-light", "phone-dark"])
def test_every_page_is_for_everybody(windows, pages, size, scheme):
    visited = visit(windows, pages, size=size, color_scheme=scheme)

    assert {name: faults for name, page in visited if (faults := list_faults(page))} == {}
