"""Rules of the look that no page may break: contrast, and nothing that the content security policy refuses."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from tenants.templatetags.winnow_ui import NOTE_ICONS, TONE_ICONS

CSS = Path(settings.BASE_DIR) / "static/winnow/css"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
COLOURS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", (CSS / "tokens.css").read_text(encoding="utf-8")
    )
}
TEXT_ON = [
    *((ink, ground) for ink in ("ink", "ink-soft", "accent") for ground in ("paper", "surface", "surface-sunken")),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info")),
    *(("ink", f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")),
    *((tone, "surface") for tone in ("good", "warn", "bad", "info")),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]
SHAPES_ON = [(f"series-{number}", "surface") for number in range(1, 8)] + [
    (shape, ground) for shape in ("line-strong", "focus") for ground in ("paper", "surface")
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_stands_out_from_its_ground(text: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[text][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES_ON)
def test_charts_borders_and_focus_stand_out_from_their_ground(shape: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[shape][theme], COLOURS[ground][theme]) >= 3


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_need_nothing_that_the_content_security_policy_refuses(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|hx-on|javascript:", source)
    assert not re.search(r"<script(?![^>]* src=)", source)
    assert not re.search(r'hx-trigger="[^"]*\[', source)
    assert not re.search(r'(src|href)="(https?:)?//', source)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_compile(path: Path) -> None:
    assert get_template(str(path.relative_to(TEMPLATES)))


def test_every_colour_used_is_a_token() -> None:
    defined = set(re.findall(r"^\s*--([\w-]+):", (CSS / "tokens.css").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        name
        for sheet in CSS.glob("*.css")
        for name in re.findall(r"var\(--([\w-]+)\)", sheet.read_text(encoding="utf-8"))
    }
    assert used <= defined


def test_every_icon_used_is_in_the_sprite() -> None:
    sprite = (CSS.parent / "icons.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'<symbol id="(\w+)"', sprite))
    used = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r'{% icon "(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert used | set(NOTE_ICONS.values()) | set(TONE_ICONS.values()) | {"clock"} <= drawn
