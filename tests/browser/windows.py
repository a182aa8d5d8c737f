"""Browser windows of people: signed in or not, wide or narrow, with what went wrong in them noted."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

from tenants.models import User

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 812}
NARROW = {"width": 320, "height": 640}

_TIMEOUT_MS = 20_000  # for a machine that is busy with other tests
_STATUS_OF_A_PAGE = "Failed to load resource: the server responded with a status of"


@dataclass
class Windows:
    """The windows of one test. ``problems`` is what browsers complained about: scripts, policy, missing files."""

    browser: Browser = field(repr=False)
    site_url: str
    problems: list[str] = field(default_factory=list)
    _opened: list[BrowserContext] = field(default_factory=list, repr=False)

    def open(self, user: User | None = None, *, size: Any = WIDE, **options: Any) -> Page:
        """Open a window that shares nothing with others; ``user`` is signed in. Options are Playwright's."""
        context = self.browser.new_context(base_url=self.site_url, viewport=size, **options)
        context.set_default_timeout(_TIMEOUT_MS)
        self._opened.append(context)
        if user is not None:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": _session(user), "url": self.site_url}])
        page = context.new_page()
        self._watch(page)
        return page

    def close(self) -> None:
        """Close all windows."""
        for context in self._opened:
            context.close()

    def _watch(self, page: Page) -> None:
        shown: set[str] = set()

        def note_address(response: Response) -> None:
            if response.request.is_navigation_request():
                shown.add(_without_fragment(response.url))

        def note_message(message: ConsoleMessage) -> None:
            # That a page has a status like 403 is what its test looks at.
            is_status = (
                message.text.startswith(_STATUS_OF_A_PAGE) and _without_fragment(message.location["url"]) in shown
            )
            if message.type in {"error", "warning"} and not is_status:
                self.problems.append(f"{page.url}: {message.text}")

        page.on("response", note_address)
        page.on("console", note_message)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))


def _without_fragment(url: str) -> str:
    return url.partition("#")[0]


def _session(user: User) -> str:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value
