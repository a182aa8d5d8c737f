"""The browser of the tests: a Chromium of this machine, one per test process."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_USUAL_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the program that CHROMIUM names, or else the one that is installed."""
    names = [os.environ["CHROMIUM"]] if os.environ.get("CHROMIUM") else _USUAL_NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def start_chromium(program: str) -> Iterator[Browser]:
    """Run Chromium without a screen until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()
