"""A browser, the site it visits, and the sandbox as provider."""

import os
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from tests.applications.conftest import empty_storage, running_sandbox, upstream, wake_ups, without_pauses
from tests.browser.chromium import find_chromium, start_chromium
from tests.browser.site import serve_site
from tests.browser.windows import Windows

__all__ = ["empty_storage", "running_sandbox", "upstream", "wake_ups", "without_pauses"]

expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser per test process, gone before other tests: Playwright's event loop runs in the tests' own thread."""
    program = find_chromium()
    if program is None:
        reason = "there is no Chromium here (install it, or let CHROMIUM name the program)"
        if os.environ.get("WINNOW_REQUIRE_BROWSER") == "1":
            raise RuntimeError(reason)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as environment, start_chromium(program) as browser:
        # For Django that loop looks like asynchronous code in which a query would block others; there are none.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield browser


@pytest.fixture
def windows(chromium: Browser, committed_db: None, upstream: object) -> Iterator[Windows]:
    """Browser windows on the running site. A test fails when one of them reports an error, whatever else it shows."""
    cache.clear()  # how often somebody signed in or applied is counted there
    with serve_site() as site_url:
        opened = Windows(chromium, site_url)
        try:
            yield opened
        finally:
            opened.close()
    assert opened.problems == []


@pytest.fixture
def page(windows: Windows) -> Page:
    """Give the window of somebody who is not signed in."""
    return windows.open()
