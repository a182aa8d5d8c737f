"""A two-column CV printed by Chromium: another tool's PDF, with its own fonts, tags and drawing order."""

from __future__ import annotations

import subprocess
import tempfile
from html import escape
from pathlib import Path

from layouts.person import Person, Section

STYLE = """
@page { size: A4; margin: 16mm }
body { font: 10pt/1.4 "DejaVu Sans", sans-serif; margin: 0; display: grid;
       grid-template-columns: 52mm 1fr; column-gap: 9mm }
header { grid-column: 1 / 3 } h1 { margin: 0 } h2 { font-size: 12pt; margin: 6mm 0 1mm }
h3 { font-size: 10pt; margin: 2mm 0 0 } p { margin: 0 } ul { margin: 0; padding-left: 5mm }
"""


def printed_grid(person: Person, path: Path, *, chromium: str) -> None:
    """Print an HTML page laid out with CSS grid to `path`."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "cv.html")
        page.write_text(_html(person), encoding="utf-8")
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer", f"--print-to-pdf={path}", page.as_uri(),
            ],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


def _html(person: Person) -> str:
    side = "".join(_section(section) for section in person.sections if section.column == "side")
    main = "".join(_section(section) for section in person.sections if section.column == "main")
    contact = "".join(f"<p>{escape(line)}</p>" for line in person.contact)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(person.name)}</title>"
        f"<style>{STYLE}</style><header><h1>{escape(person.name)}</h1><p>{escape(person.headline)}</p></header>"
        f"<aside>{contact}{side}</aside><main><p>{escape(person.summary)}</p>{main}</main>"
    )


def _section(section: Section) -> str:
    html = f"<h2>{escape(section.title)}</h2>" + "".join(f"<p>{escape(line)}</p>" for line in section.lines)
    for entry in section.entries:
        points = "".join(f"<li>{escape(point)}</li>" for point in entry.points)
        html += f"<h3>{escape(entry.heading)}</h3><p>{escape(entry.period)}</p><ul>{points}</ul>"
    return html
