"""The positions a CV lists: each begins at a line with a period of time."""

import re
from dataclasses import dataclass

from ai_gateway.sandbox.rules.dates import Period, find_period, remove_dates
from ai_gateway.sandbox.rules.document import Document, Line
from ai_gateway.sandbox.rules.folding import has_cjk
from ai_gateway.sandbox.rules.lexicon.titles import EMPLOYER, TITLE

_SPLIT = re.compile(r"\s*[|\t·@]\s*|\s+[–—-]\s+|,\s+|，|\s+(?:at|bei|chez)\s+")
_CJK_SPLIT = re.compile(r"[ \u3000|｜/／]+")
_ABBREVIATION = re.compile(r"(?:\b\w\.){2}$|\b(?:Inc|Ltd|Co|Corp)\.$")
_WORKING_SECTIONS = ("top", "summary", "experience", "other")
_MAX_HEADER_CHARACTERS = 90
_MAX_SUMMARY_CHARACTERS = 500


@dataclass(frozen=True)
class Position:
    """One position; ``lines`` are its header and description."""

    title: str
    employer: str
    period: Period
    lines: tuple[Line, ...]
    description: str


@dataclass(frozen=True)
class _Start:
    """Where a position begins: its first header line, the line after its header, and the header's words."""

    first: int
    after: int
    words: tuple[str, ...]
    period: Period


def find_positions(document: Document) -> list[Position]:
    """Find the positions of a CV, in its order."""
    has_section = any(line.section == "experience" for line in document.lines)
    sections = ("experience", "other") if has_section else _WORKING_SECTIONS
    lines = document.in_sections(*sections)
    starts = _find_starts(lines)
    ends = [*(start.first for start in starts[1:]), len(lines)]
    return [_read(start, lines, end) for start, end in zip(starts, ends, strict=False)]


def _find_starts(lines: list[Line]) -> list[_Start]:
    starts: list[_Start] = []
    for index, line in enumerate(lines):
        period = find_period(line.text)
        if period is None or not _is_header(line):
            continue
        free_from = starts[-1].after if starts else 0
        starts.append(_read_start(lines, index, period, free_from))
    return starts


def _is_header(line: Line) -> bool:
    """Tell a header with a period from a sentence that names one ("Vice dean for research, 2019 to 2022.")."""
    rest = remove_dates(line.text)
    return not line.is_bullet and _has_header_form(rest)


def _read_start(lines: list[Line], index: int, period: Period, free_from: int) -> _Start:
    """Collect the header around a line with a period: what else it says, or the lines above it."""
    own = _split(remove_dates(lines[index].text))
    above = _lines_above(lines, index, free_from)
    if len(own) >= 2:
        return _Start(index, index + 1, tuple(own), period)
    if above:
        nearest = _split(lines[above[0]].text)
        if len(above) == 2 and not _names_work(lines[above[0]]):
            return _Start(above[1], index + 1, (*_split(lines[above[1]].text), *own), period)
        if len(own) + len(nearest) >= 2 or len(above) == 1:
            return _Start(above[0], index + 1, (*nearest, *own), period)
        return _Start(above[1], index + 1, (*_split(lines[above[1]].text), *nearest, *own), period)
    below = index + 1
    if below < len(lines) and _may_be_header_line(lines[below], lines[index]):
        return _Start(index, below + 1, (*own, *_split(lines[below].text)), period)
    return _Start(index, below, tuple(own), period)


def _lines_above(lines: list[Line], index: int, free_from: int) -> list[int]:
    """Return up to two header lines right above, nearest first.

    The second counts at the top of a block, or where another column of the page came between the two.
    """
    above: list[int] = []
    for candidate in (index - 1, index - 2):
        if candidate < free_from or lines[candidate + 1].follows_gap:
            break
        if not _may_be_header_line(lines[candidate], lines[index]):
            break
        between_columns = above and _names_work(lines[candidate]) and not _names_work(lines[above[0]])
        if above and not lines[candidate].follows_gap and not between_columns:
            break
        above.append(candidate)
    return above


def _names_work(line: Line) -> bool:
    return TITLE.search(line.text) is not None or EMPLOYER.search(line.text) is not None


def _may_be_header_line(line: Line, dated: Line) -> bool:
    text = line.text.strip()
    if line.is_bullet or line.section != dated.section or find_period(text):
        return False
    begins_well = text[0].isupper() or text[0].isdigit() or has_cjk(text[0])
    return begins_well and _has_header_form(text)


def _has_header_form(text: str) -> bool:
    """Tell a header from running text: short, and ending with no full stop but that of "Sp. z o.o." or "S.A."."""
    if len(text) > _MAX_HEADER_CHARACTERS:
        return False
    return not text.endswith((".", "。", ";", ",")) or _ABBREVIATION.search(text) is not None


def _split(text: str) -> list[str]:
    pattern = _CJK_SPLIT if has_cjk(text) else _SPLIT
    return [part.strip() for part in pattern.split(text.strip()) if part.strip()]


def _read(start: _Start, lines: list[Line], end: int) -> Position:
    title, employer = _tell_apart(list(start.words))
    description = " ".join(line.bare for line in lines[start.after : end] if line.section == lines[start.first].section)
    return Position(title, employer, start.period, tuple(lines[start.first : end]), _shorten(description))


def _tell_apart(words: list[str]) -> tuple[str, str]:
    """Return title and employer: by the words in them, else by the order that most CVs keep."""
    if not words:
        return "", ""
    if len(words) == 1:
        is_employer = EMPLOYER.search(words[0]) and not TITLE.search(words[0])
        return ("", words[0]) if is_employer else (words[0], "")
    titles = [word for word in words if TITLE.search(word)]
    employers = [word for word in words if EMPLOYER.search(word) and word not in titles]
    if titles and titles[0] != words[0] and not (employers and employers[0] != words[0]):
        return titles[0], words[0]
    if employers and employers[0] == words[0]:
        return (titles[0] if titles else words[1]), words[0]
    return words[0], words[1]


def _shorten(text: str) -> str:
    if len(text) <= _MAX_SUMMARY_CHARACTERS:
        return text
    cut = text[:_MAX_SUMMARY_CHARACTERS]
    sentence_end = max(cut.rfind(". "), cut.rfind("。"))
    return cut[: sentence_end + 1] if sentence_end > 0 else cut.rsplit(" ", 1)[0]
