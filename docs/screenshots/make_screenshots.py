"""Take the README's screenshots anew, of a running demo whose sample CVs are all processed.

    make demo PORT=8000
    .venv/bin/python docs/screenshots/make_screenshots.py [--url http://127.0.0.1:8000] [folder]

Needs the development requirements, a Chromium (or one that CHROMIUM names), and fonts that know Chinese and Japanese
names (Debian: fonts-noto-cjk).
"""

import argparse
import os
import shutil
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent
COMPANY = "harbour-finch"
PASSWORD = "winnow-demo"
COLOURS = 256  # a palette takes a third of the bytes


@dataclass(frozen=True)
class Shot:
    """One picture: who looks at which page, and in what kind of window. ``link`` is followed from the page first."""

    file_name: str
    path: str
    email: str | None
    width: int = 1280
    height: int = 1000
    scheme: str = "light"
    scale: int = 1
    link: str | None = None


SHOTS = (
    Shot("tokens.png", f"/c/{COMPANY}/tokens/", "adam@demo.example", height=1480),
    Shot(
        "application.png", f"/c/{COMPANY}/applications/?q=Okafor", "rita@demo.example", height=1240, link="Amara Okafor"
    ),
    Shot("careers.png", f"/careers/{COMPANY}/", None, height=560),
    Shot("phone.png", f"/c/{COMPANY}/tokens/", "adam@demo.example", width=375, height=780, scheme="dark", scale=2),
)


def take(browser: Browser, url: str, shot: Shot) -> bytes:
    """Return a picture of what the window shows, as PNG."""
    context = browser.new_context(base_url=url, **_window(shot))
    page = context.new_page()
    if shot.email:
        _sign_in(page, shot.email)
    page.goto(shot.path)
    if shot.link:
        page.get_by_role("link", name=shot.link, exact=True).click()
        page.get_by_role("heading", level=1, name=shot.link).wait_for()
    picture = page.screenshot()
    context.close()
    return picture


def save(picture: bytes, path: Path) -> None:
    """Write a picture with few colours."""
    with Image.open(BytesIO(picture)) as image:
        image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


def _window(shot: Shot) -> dict[str, Any]:
    return {
        "viewport": {"width": shot.width, "height": shot.height},
        "color_scheme": shot.scheme,
        "device_scale_factor": shot.scale,
    }


def _sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Jobs").wait_for()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    options = parser.parse_args()
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        for shot in SHOTS:
            save(take(browser, options.url, shot), options.folder / shot.file_name)
        browser.close()


if __name__ == "__main__":
    main()
