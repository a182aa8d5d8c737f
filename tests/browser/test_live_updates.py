"""While AI works, the page of an application follows by itself; the browser's clock is moved by hand."""

import pytest
from playwright.sync_api import expect

from applications.services.steps.claiming import claim_step
from applications.services.steps.executing import execute_step
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import work
from tests.browser.people import address_of, recruiter_of
from tests.browser.reading import screening

pytestmark = pytest.mark.browser

POLL_MS = 2_000


@pytest.fixture
def application(windows):
    return ApplicationFactory(name="Grace Mbeki")


@pytest.fixture
def page(windows, application):
    page = windows.open(recruiter_of(application.company))
    page.clock.install()
    page.goto(address_of(application))
    expect(screening(page)).to_contain_text("Step 1 of 4")
    return page


@pytest.fixture
def polls(page):
    """The requests for progress, as they are made."""
    made = []
    page.on("request", lambda request: made.append(request.url) if request.url.endswith("/progress/") else None)
    return made


def test_steps_and_results_appear_without_a_reload(page):
    page.evaluate("window.isTheSameVisit = true")

    execute_step(claim_step())
    page.clock.run_for(POLL_MS)
    expect(screening(page)).to_contain_text("Step 2 of 4")
    expect(page.get_by_role("heading", name="Read from the CV")).to_be_visible()
    work()
    page.clock.run_for(POLL_MS)

    expect(screening(page)).to_contain_text("4 of 4 steps done")
    expect(page.get_by_role("heading", name="Recommendation")).to_be_visible()
    expect(page.locator("#application-status")).to_have_text("Screened")
    expect(page.locator("#application-history")).to_contain_text("Screened: 95 of 100.")
    assert page.evaluate("window.isTheSameVisit")


def test_it_stops_asking_when_the_work_is_done(page, polls):
    with page.expect_response("**/progress/"):  # what is done before that is in it, and there is no second one
        page.clock.run_for(POLL_MS)
    expect(screening(page)).to_contain_text("Step 1 of 4")
    work()
    page.clock.run_for(POLL_MS)
    expect(screening(page)).to_contain_text("4 of 4 steps done")
    until_done = len(polls)

    page.clock.run_for(10 * POLL_MS)

    assert until_done >= 2
    assert len(polls) == until_done


def test_it_can_be_paused_and_resumed(page, polls):
    page.get_by_role("button", name="Pause updates").click()
    until_paused = len(polls)
    work()
    page.clock.run_for(5 * POLL_MS)
    expect(screening(page)).to_contain_text("Step 1 of 4")
    assert len(polls) == until_paused

    page.get_by_role("button", name="Resume updates").click()
    page.clock.run_for(POLL_MS)

    expect(screening(page)).to_contain_text("4 of 4 steps done")


@pytest.mark.parametrize("name", ["Pause updates", "Refresh", "Download"])
def test_an_update_leaves_the_focus_where_it_is(page, name):
    main = page.get_by_role("main")
    control = main.get_by_role("link", name=name).or_(main.get_by_role("button", name=name))
    control.focus()

    execute_step(claim_step())
    page.clock.run_for(POLL_MS)

    expect(screening(page)).to_contain_text("Step 2 of 4")
    expect(control).to_be_focused()


def test_without_scripts_the_page_is_refreshed_by_a_link(windows, application):
    page = windows.open(recruiter_of(application.company), java_script_enabled=False)
    page.goto(address_of(application))
    work()

    page.get_by_role("link", name="Refresh").click()

    expect(screening(page)).to_contain_text("4 of 4 steps done")
