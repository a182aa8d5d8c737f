"""Answer ``cv_parse``: what a CV says."""

from datetime import date
from typing import Any

from ai_gateway.sandbox.rules.contact import EMAIL, find_contact
from ai_gateway.sandbox.rules.dates import count_years, find_years
from ai_gateway.sandbox.rules.document import Document, Line, read_document
from ai_gateway.sandbox.rules.listed_skills import find_listed_skills
from ai_gateway.sandbox.rules.positions import Position, find_positions
from ai_gateway.sandbox.rules.prompt_reading import HiringPrompt
from ai_gateway.sandbox.rules.schooling import find_schooling
from ai_gateway.sandbox.rules.spoken import find_spoken

_MAX_SUMMARY_CHARACTERS = 600
_RUNNING_TEXT_WIDTH = 55


def answer_cv_parse(prompt: HiringPrompt) -> dict[str, Any]:
    """Read a CV."""
    document = read_document(prompt.pages)
    contact, positions = find_contact(document), find_positions(document)
    return {
        "full_name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "location": contact.location,
        "headline": contact.headline,
        "summary": _find_summary(document),
        "total_years_experience": count_years([position.period for position in positions], today_of(prompt, document)),
        "skills": find_listed_skills(document),
        "languages": [{"name": spoken.name, "level": spoken.level} for spoken in find_spoken(document.lines)],
        "experience": [_show_position(position) for position in positions],
        "education": [
            {
                "degree": entry.degree,
                "institution": entry.institution,
                "year": str(entry.year) if entry.year else None,
            }
            for entry in find_schooling(document)
        ],
    }


def today_of(prompt: HiringPrompt, document: Document) -> date:
    """Return what "present" means in a CV: the day it came, else the latest year it names, but never today."""
    if prompt.received_on:
        return prompt.received_on
    years = [year for line in document.lines for year in find_years(line.text)]
    return date(max(years, default=1), 12, 31)


def _show_position(position: Position) -> dict[str, Any]:
    return {
        "title": position.title,
        "employer": position.employer,
        "start": position.period.start,
        "end": position.period.end,
        "summary": position.description,
    }


def _find_summary(document: Document) -> str | None:
    """Return the profile: running text in the section of that name, else at the top, else beside the lists."""
    profile = document.in_sections("summary")
    aside = document.in_sections("languages", "skills", "education")
    lines = _running_text(profile) or _running_text(document.in_sections("top")) or _running_text(aside) or profile
    text = " ".join(line.bare for line in lines)
    if len(text) > _MAX_SUMMARY_CHARACTERS:
        text = text[:_MAX_SUMMARY_CHARACTERS].rsplit(" ", 1)[0]
    return text or None


def _running_text(lines: list[Line]) -> list[Line]:
    """Return the first block of running text, with the short line that may end it."""
    block: list[Line] = []
    for line in lines:
        width = sum(2 if ord(character) > 0x2E80 else 1 for character in line.text)
        is_running_text = width >= _RUNNING_TEXT_WIDTH and not (EMAIL.search(line.text) and len(line.text) < 120)
        if (is_running_text or (block and not line.follows_gap)) and not line.is_bullet:
            block.append(line)
        elif block:
            break
    return block
