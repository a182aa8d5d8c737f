"""The people of the samples, read from sources/*.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent.parent / "sources"


@dataclass(frozen=True)
class Entry:
    """One position, project or degree."""

    heading: str
    period: str
    points: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One titled part of a CV; `column` tells two-column layouts where it goes: main or side."""

    title: str
    column: str
    lines: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Person:
    """An invented applicant."""

    name: str
    email: str
    headline: str
    contact: tuple[str, ...]
    summary: str
    sections: tuple[Section, ...]

    def texts(self) -> Iterator[str]:
        """Yield every piece of text that a reader of the CV must find in it."""
        yield self.name
        yield from filter(None, (self.headline, *self.contact, self.summary))
        for section in self.sections:
            yield section.title
            yield from section.lines
            for entry in section.entries:
                yield from (entry.heading, entry.period, *entry.points)


def load_person(slug: str) -> Person:
    """Read sources/<slug>.toml."""
    data = tomllib.loads((SOURCES / f"{slug}.toml").read_text(encoding="utf-8"))
    return Person(
        name=data["name"],
        email=data["email"],
        headline=data["headline"],
        contact=tuple(data["contact"]),
        summary=data["summary"],
        sections=tuple(_section(section) for section in data.get("section", ())),
    )


def _section(data: dict[str, Any]) -> Section:
    entries = (Entry(e["heading"], e["period"], tuple(e["points"])) for e in data.get("entry", ()))
    return Section(data["title"], data.get("column", "main"), tuple(data.get("lines", ())), tuple(entries))
