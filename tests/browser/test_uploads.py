"""What people send that is no readable CV: refused or kept in plain words, and never charged."""

import re

import pytest
from playwright.sync_api import Page, expect

from applications.models import Application
from config.demo.samples import FOLDER, SAMPLES, open_sample
from tests.applications.factories import JobFactory
from tests.applications.hiring import charges, work
from tests.browser.people import address_of, recruiter_of

pytestmark = pytest.mark.browser


@pytest.fixture
def job(windows):
    return JobFactory(title="Product Designer")


def send(page: Page, job, cv) -> None:
    page.goto(f"/careers/{job.company.slug}/{job.slug}/")
    page.get_by_label("Full name").fill("Ben Archer")
    page.get_by_label("Email").fill("ben.archer@example.org")
    page.get_by_label("Anything to add?").fill("I can start in May.")
    page.get_by_label("CV").set_input_files(cv)
    page.get_by_role("button", name="Send application").click()


def sample(file_name, tmp_path):
    return open_sample(next(sample for sample in SAMPLES if sample.file_name == file_name), tmp_path)


def test_a_text_named_pdf_is_refused_at_its_field_and_what_was_typed_is_kept(page, job):
    send(page, job, FOLDER / "hostile-text-named.pdf")

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(page.get_by_label("CV")).to_be_focused()
    expect(page.get_by_label("CV")).to_have_accessible_description(
        re.compile("This file is named .pdf but is plain text inside")
    )
    expect(page.get_by_label("Full name")).to_have_value("Ben Archer")
    expect(page.get_by_label("Email")).to_have_value("ben.archer@example.org")
    expect(page.get_by_label("Anything to add?")).to_have_value("I can start in May.")
    assert not Application.objects.exists()


def test_a_file_that_is_too_large_is_refused(page, job, tmp_path):
    send(page, job, sample("hostile-30-mb.pdf", tmp_path))

    expect(page.get_by_role("alert")).to_contain_text("CV: This file is larger than 10")
    assert not Application.objects.exists()


def test_a_scan_without_text_is_kept_and_a_recruiter_reads_why_it_was_not_screened(page, windows, job):
    send(page, job, FOLDER / "hostile-image-only.pdf")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    work()

    page = windows.open(recruiter_of(job.company))
    page.goto(address_of(Application.objects.get()))

    trouble = page.locator(".note", has_text="Read CV: Failed")
    expect(trouble).to_contain_text("Nothing was charged.")
    expect(trouble.get_by_role("button", name="Retry this step")).to_be_visible()
    expect(page.locator("#application-status")).to_have_text("Needs attention")
    assert charges(job.company) == []
