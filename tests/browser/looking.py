"""Look at a page as a whole: can everybody use it, does it fit?"""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def list_barriers(page: Page) -> list[str]:
    """Return what axe finds wrong on a page, each with the elements it is about."""
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{violation['id']}: {violation['help']}: {', '.join(node['html'] for node in violation['nodes'])}"
        for violation in found["violations"]
    ]


def is_too_wide(page: Page) -> bool:
    """Tell whether a page has to be moved sideways to be read."""
    return bool(page.evaluate(_WIDER_THAN_THE_WINDOW))
