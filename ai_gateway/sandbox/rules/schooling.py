"""The degrees and courses a CV lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ai_gateway.sandbox.rules.dates import find_years, remove_dates
from ai_gateway.sandbox.rules.document import Document, Line
from ai_gateway.sandbox.rules.folding import has_cjk
from ai_gateway.sandbox.rules.lexicon.titles import INSTITUTION, find_degree

_OUTSIDE_BRACKETS = r"(?![^(（]*[)）])"
_SPLIT = re.compile(rf"(?:\s*[|\t·]\s*|\s+[–—-]\s+|,\s+|，|:\s+|;\s+){_OUTSIDE_BRACKETS}")
_CJK_SPLIT = re.compile(rf"[ \u3000|，、]+{_OUTSIDE_BRACKETS}")
_EMPTY_BRACKETS = re.compile(r"[(（]\W*[)）]")
_UNFINISHED = re.compile(r"(?:,|\b(?:of|the|for|in|and|de|des|du|la|et|der|für|und|in|do|da|e|y|i))$", re.IGNORECASE)
_MAX_ENTRY_CHARACTERS = 300


@dataclass(frozen=True)
class Schooling:
    """One degree or course; empty text is what the CV does not say. ``level`` is as in ``find_degree``."""

    degree: str
    institution: str
    year: int | None
    level: int
    line: Line


def find_schooling(document: Document) -> list[Schooling]:
    """Find the entries of the section on education, in the CV's order."""
    entries: list[list[Line]] = []
    for line in document.in_sections("education"):
        if entries and _continues(entries[-1], line):
            entries[-1].append(line)
        elif _may_begin(line):
            entries.append([line])
    read = (_read(entry) for entry in entries)
    return [schooling for schooling in read if schooling is not None]


def _may_begin(line: Line) -> bool:
    """Tell a new entry from a detail, and from a sentence that another column of the page put here."""
    return not line.is_bullet and not line.text.strip()[0].islower() and not line.text.rstrip().endswith(".")


def _continues(entry: list[Line], line: Line) -> bool:
    """Tell whether a line still belongs to the entry above: a wrapped line, a school, or a date of its own."""
    above, text = " ".join(part.text for part in entry), line.text.strip()
    if line.is_bullet or len(above) + len(text) > _MAX_ENTRY_CHARACTERS:
        return False
    if not remove_dates(text) or text[0].islower() or _UNFINISHED.search(above.rstrip()):
        return True
    if find_degree(text):
        return find_degree(above) == 0 and not find_years(above)
    return INSTITUTION.search(text) is not None and INSTITUTION.search(above) is None


def _read(entry: list[Line]) -> Schooling | None:
    """Read an entry; lines of another column that name no degree, school or year are none."""
    text = _join(entry)
    level, years = find_degree(text), find_years(text)
    if not (level or years or INSTITUTION.search(text)):
        return None
    parts = list(_parts(text))
    schools = [part for part in parts if INSTITUTION.search(part)]
    others = [part for part in parts if part not in schools]
    named = max((at for at, part in enumerate(others) if find_degree(part)), default=0) + 1
    degree = (" " if has_cjk(text) else ", ").join(others if has_cjk(text) else others[:named])
    institution = schools[0] if schools else "".join(others[named : named + 1])
    return Schooling(degree, institution, max(years, default=None), level, entry[0])


def _join(entry: list[Line]) -> str:
    """Put lines together: wrapped ones with a space, others with a mark between them."""
    text = entry[0].bare
    for line in entry[1:]:
        wrapped = line.bare[:1].islower() or _UNFINISHED.search(text)
        text += f" {line.bare}" if wrapped else f" | {line.bare}"
    return text


def _parts(text: str) -> Iterable[str]:
    """Yield the distinct parts of an entry without its dates: tables repeat the cells that they merge."""
    pattern = _CJK_SPLIT if has_cjk(text) else _SPLIT
    parts = (_EMPTY_BRACKETS.sub("", remove_dates(part)).strip() for part in pattern.split(text))
    return dict.fromkeys(part for part in parts if part)
