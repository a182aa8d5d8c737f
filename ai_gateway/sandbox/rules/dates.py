"""Periods of time as CVs write them, in several languages."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

Month: TypeAlias = int  # months since year 0

_MONTH_NAMES = (
    "january jan januar jänner janvier janv enero ene janeiro styczeń stycznia sty",
    "february feb februar februari février févr fév febrero fevereiro fev luty lutego lut",
    "march mar märz mrz mars marzo março marzec marca",
    "april apr avril avr abril abr kwiecień kwietnia kwi",
    "may mai mayo maio maj maja",
    "june jun juni juin junio junho czerwiec czerwca cze",
    "july jul juli juillet juil julio julho lipiec lipca lip",
    "august aug août aout agosto ago sierpień sierpnia sie",
    "september sept sep septembre septiembre setiembre setembro set wrzesień września wrz",
    "october oct oktober okt octobre octubre outubro out październik października paź",
    "november nov novembre noviembre novembro listopad listopada lis",
    "december dec dezember dez décembre déc diciembre dic dezembro grudzień grudnia gru",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
_NAMES = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_PRESENT = (
    r"present|now|today|current|ongoing|to date|heute|jetzt|aktuell|laufend|aujourd'hui|présent|ce jour|en cours"
    r"|actuellement|la actualidad"
    r"|actualidad|presente|actual|hoy|o presente|o momento|atualmente|atual|hoje|obecnie|teraz|dziś|nadal"
    r"|至今|今|現在|现在|在职"
)
_TO = r"-|–|—|−|~|〜|～|→|to|until|till|bis|au|à|a|al|hasta|até|do|至|到"


def _point(prefix: str) -> str:
    return (
        rf"(?:(?P<{prefix}_name>{_NAMES})\b\.?,?\s*(?:de\s+|of\s+)?|(?:[0-3]?\d[./])?(?P<{prefix}_number>1[0-2]|0?[1-9])\s?[./]\s?)?"
        rf"(?P<{prefix}_year>(?:19[5-9]|20[0-4])\d)(?!\d)"
        rf"(?:\s?年(?:\s?(?P<{prefix}_cjk>1[0-2]|0?[1-9])\s?月)?|[-/.](?P<{prefix}_iso>1[0-2]|0[1-9])(?!\d))?(?:\s?r\.)?"
    )


_PERIOD = re.compile(
    rf"(?<![\w]){_point('start')}\s*(?:{_TO})\s*(?:{_point('end')}|(?P<present>{_PRESENT})(?!\w))", re.IGNORECASE
)
_SINCE = re.compile(rf"(?<!\w)(?:since|seit|depuis|desde|od)\s+(?:le\s+)?{_point('start')}", re.IGNORECASE)
_POINT = re.compile(rf"(?<![\w]){_point('start')}", re.IGNORECASE)
_AROUND_DATES = " \t,;|·•-–—:"
_YEAR = re.compile(r"(?<!\d)(?:19[5-9]|20[0-4])\d(?!\d)")


@dataclass(frozen=True)
class Period:
    """A stretch of time in a CV; ``span`` is its place in the text. Months are as exact as the CV writes them."""

    start_year: int
    start_month: int | None
    end_year: int | None
    end_month: int | None
    is_current: bool
    span: tuple[int, int]

    @property
    def start(self) -> str:
        """Return the start as YYYY-MM or YYYY."""
        return _format(self.start_year, self.start_month)

    @property
    def end(self) -> str | None:
        """Return the end as YYYY-MM, YYYY or present."""
        if self.is_current:
            return "present"
        return _format(self.end_year, self.end_month) if self.end_year else None

    def months(self, today: date) -> tuple[Month, Month]:
        """Return the first month and the month after the last; with years alone, 2019–2021 is two years."""
        first = self.start_year * 12 + (self.start_month or 1) - 1
        if self.is_current:
            return first, max(first, today.year * 12 + today.month)
        last_year = self.end_year or self.start_year
        after = last_year * 12 + self.end_month if self.end_month else last_year * 12
        return first, max(first, after)


def find_period(text: str) -> Period | None:
    """Return the first period in a text, or None."""
    plain = text.replace("’", "'")
    match = _PERIOD.search(plain)
    if match is not None:
        period = _read(match, is_current=match["present"] is not None)
        backwards = period.end_year is not None and period.end_year < period.start_year
        return None if backwards else period
    since = _SINCE.search(plain)
    return _read(since, is_current=True) if since else None


def find_years(text: str) -> list[int]:
    """Return all years named in a text."""
    return [int(year) for year in _YEAR.findall(text)]


def remove_dates(text: str) -> str:
    """Return a text without its periods and dates, and without the punctuation that held them."""
    for pattern in (_PERIOD, _SINCE, _POINT):
        for match in reversed(list(pattern.finditer(text.replace("’", "'")))):
            text = f"{text[: match.start()]} {text[match.end() :]}"
    return re.sub(r"\(\s*\)|（\s*）", " ", text).strip(_AROUND_DATES)


def count_years(periods: Iterable[Period], today: date) -> float | None:
    """Return how many years the periods cover, overlaps counted once, with one decimal; None without periods."""
    spans = sorted(period.months(today) for period in periods)
    if not spans:
        return None
    months, covered = 0, spans[0][0]
    for first, after in spans:
        months += max(0, after - max(first, covered))
        covered = max(covered, after)
    return round(months / 12, 1)


def _read(match: re.Match[str], *, is_current: bool) -> Period:
    has_end = "end_year" in match.re.groupindex and match["end_year"] is not None
    return Period(
        start_year=int(match["start_year"]),
        start_month=_month(match, "start"),
        end_year=int(match["end_year"]) if has_end else None,
        end_month=_month(match, "end") if has_end else None,
        is_current=is_current,
        span=match.span(),
    )


def _month(match: re.Match[str], prefix: str) -> int | None:
    name = match[f"{prefix}_name"]
    if name:
        return _MONTH_OF[name.casefold()]
    number = match[f"{prefix}_number"] or match[f"{prefix}_cjk"] or match[f"{prefix}_iso"]
    return int(number) if number else None


def _format(year: int, month: int | None) -> str:
    return f"{year:04}-{month:02}" if month else f"{year:04}"
