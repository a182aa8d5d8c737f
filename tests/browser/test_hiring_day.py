"""One hiring day: somebody applies, AI screens, a recruiter reads, an admin sees what it cost."""

import pytest
from playwright.sync_api import Page, expect

from applications.models import Application
from config.demo.samples import FOLDER
from config.demo.seed import PASSWORD, seed_demo
from tenants.models import Company
from tests.applications.hiring import steps_of, work
from tests.browser.reading import number, read_card, read_table
from tokens.models import UsageLog
from tokens.selectors import get_balance

pytestmark = pytest.mark.browser


def test_a_cv_becomes_a_recommendation_and_a_line_in_the_books(windows):
    company, _ = seed_demo()

    apply(windows.open(), company)
    work()

    read_as_recruiter(windows.open())
    account_as_admin(windows.open(), company)


def apply(page: Page, company: Company) -> None:
    page.goto(f"/careers/{company.slug}/")
    page.get_by_role("link", name="Backend Engineer", exact=True).click()
    page.get_by_label("Full name").fill("Amara Okafor")
    page.get_by_label("Email").fill("amara.okafor@example.com")
    page.get_by_label("CV").set_input_files(FOLDER / "amara-okafor-two-columns.pdf")
    page.get_by_role("button", name="Send application").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    expect(page.get_by_role("main")).to_contain_text("Harbour & Finch has your application for Backend Engineer")


def read_as_recruiter(page: Page) -> None:
    application = Application.objects.select_related("cv").get()
    sign_in(page, "rita@demo.example")
    page.get_by_role("link", name="Applications").click()
    page.get_by_role("link", name="Amara Okafor").click()

    expect(page.locator(".stepper .badge")).to_have_text(["Done"] * 4)
    expect(page.get_by_role("img", name=f"Score {application.score} of 100")).to_be_visible()
    quotes = page.locator("blockquote").all_inner_texts()
    assert len(quotes) == application.job.criteria.count()
    for quote in quotes:
        text, _, origin = quote.partition("”")
        assert text.strip("“") in " ".join(application.cv.pages[0].split())
        assert "Page 1 · found in the CV word for word" in origin
    assert_costs(page, application)
    expect(page.get_by_text("Sandbox: rules, not AI.")).to_be_visible()


def assert_costs(page: Page, application: Application) -> None:
    """Compare the cost of each step, and the total, with the usage logs."""
    logs = {log.step_id: log for log in UsageLog.objects.filter(application_id=application.pk)}
    *rows, total = read_table(page, "Cost of each step")
    for row, step in zip(rows, steps_of(application), strict=True):
        log = logs[step.pk]
        shown = tuple(number(row[name]) for name in ("Input", "Output", "Charged"))
        assert shown == (log.input_tokens, log.output_tokens, log.charged_tokens)
        assert row["Cost"] == "$0.00"
    assert number(total["Charged"]) == sum(log.charged_tokens for log in logs.values())


def account_as_admin(page: Page, company: Company) -> None:
    logs = UsageLog.objects.filter(company=company)
    charged = sum(log.charged_tokens for log in logs)
    sign_in(page, "adam@demo.example")
    page.goto("/admin/tokens/")
    expect(page).to_have_url(f"/c/{company.slug}/tokens/")

    assert read_card(page, "Available balance") == get_balance(company.pk).available_tokens == 1_100_000 - charged
    assert read_card(page, "Used this month") == charged
    by_operation = {row["Operation"]: number(row["Charged"]) for row in read_table(page, "Usage by operation")}
    labels = ("Read CV", "Analyse", "Score", "Recommend")
    assert by_operation == {**dict(zip(labels, charges_in_order(logs), strict=True)), "Total": charged}
    recent = read_table(page, "Recent usage")
    assert sorted(number(row["Charged"]) for row in recent) == sorted(charges_in_order(logs))
    assert {row["Application, job"] for row in recent} == {"Amara Okafor\nBackend Engineer"}

    page.get_by_role("table", name="Recent usage").get_by_role("link", name="Amara Okafor").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Amara Okafor")


def charges_in_order(logs) -> list[int]:
    return [logs.get(operation=name).charged_tokens for name in ("cv_parse", "cv_analyze", "scoring", "decision")]


def sign_in(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
