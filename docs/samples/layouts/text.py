"""Plain text, as an editor would save it."""

from __future__ import annotations

import textwrap

from layouts.person import Person


def plain_text(person: Person, *, width: int = 88) -> str:
    """Write the CV as wrapped plain text with underlined titles."""
    blocks = ["\n".join(filter(None, (person.name, person.headline, *person.contact))), person.summary]
    for section in person.sections:
        blocks.append(f"{section.title}\n{'-' * len(section.title)}")
        blocks += ["\n".join(section.lines)] if section.lines else []
        for entry in section.entries:
            points = [f"* {point}" for point in entry.points]
            blocks.append("\n".join([entry.heading, entry.period, *points]))
    lines = [_wrap(line, width) for line in "\n\n".join(blocks).split("\n")]
    return "\n".join(lines) + "\n"


def one_paragraph(person: Person) -> str:
    """Write nothing but the summary."""
    return person.summary + "\n"


def _wrap(line: str, width: int) -> str:
    return textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) if line else ""
