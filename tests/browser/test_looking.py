"""The tests of pages can fail: what they look for is found where it is."""

import pytest

from tests.browser.looking import is_too_wide, list_barriers

pytestmark = pytest.mark.browser


def test_a_barrier_is_found(page):
    page.goto("/accounts/login/")
    assert list_barriers(page) == []

    page.evaluate("document.documentElement.removeAttribute('lang')")

    assert any(barrier.startswith("html-has-lang:") for barrier in list_barriers(page))


def test_a_page_that_is_too_wide_is_found(page):
    page.goto("/accounts/login/")
    assert not is_too_wide(page)

    page.evaluate("document.querySelector('h1').style.width = '3000px'")

    assert is_too_wide(page)


@pytest.mark.parametrize(
    ("trouble", "event", "words"),
    [
        ("document.body.setAttribute('onclick', 'alert(1)')", "console", "Content Security Policy"),
        ("setTimeout(() => { throw new Error('oh no') })", "pageerror", "oh no"),
        ("fetch('/static/missing.js')", "console", "404"),
    ],
)
def test_what_a_browser_complains_about_is_noted(windows, page, trouble, event, words):
    page.goto("/accounts/login/")

    with page.expect_event(event):
        page.evaluate(trouble)

    assert [problem for problem in windows.problems if words in problem] != []
    windows.problems.clear()
