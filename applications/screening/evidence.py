"""Check that what an analysis quotes really stands in the CV.

Text that was extracted from a PDF differs from what a model copies out of it in line breaks, hyphenation, ligatures
and typographic variants, so those are ignored. Words and numbers are not.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from applications.screening.schemas import CriterionFinding, CVAnalysis, Finding

Standing = Literal["met", "not_met", "no_evidence", "unverified"]

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
_BULLETS = "\u2022\u2023\u25aa\u25ab\u25cf\u25cb\u25e6\u00b7\u2219\uf0b7"
_VARIANTS = str.maketrans(
    dict.fromkeys(_DASHES, "-")
    | dict.fromkeys(_BULLETS, " ")
    | dict.fromkeys("\u2018\u2019\u201a\u2032`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"')
    # A prompt shows angle brackets as these, so that a CV cannot close the tags around it (see fencing.py).
    | {"\u2039": "<", "\u203a": ">"}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff")
)
# Chinese, Japanese and Korean run words together: only other scripts have word ends to respect.
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_WORD_CHARACTER = re.compile(_WORD)
_AROUND_A_QUOTE = " \t\n\r.\"'-\u2026,;:"


@dataclass(frozen=True)
class CheckedFinding:
    """A finding together with what was found of its quote; ``page`` is where it really stands."""

    criterion_id: str
    finding: Finding
    quote: str | None
    quote_verified: bool
    page: int | None
    explanation: str

    @property
    def standing(self) -> Standing:
        """Say how to show the finding: a claim for or against a candidate counts only with a quote from the CV."""
        if self.finding == "no_evidence" or self.quote_verified:
            return self.finding
        return "unverified"


def find_quote(quote: str, pages: Sequence[str]) -> int | None:
    """Return the page (from 1) on which a quote starts, or None if the CV does not contain it."""
    return _find(quote, _PagedText.of(pages))


def check_evidence(analysis: CVAnalysis, pages: Sequence[str]) -> list[CheckedFinding]:
    """Look every quote of an analysis up in the CV's pages, in the analysis's order."""
    text = _PagedText.of(pages)
    return [_check(finding, text) for finding in analysis.criteria]


@dataclass(frozen=True)
class _PagedText:
    """The normalised text of all pages in one string, so that a quote may run over a page break."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, pages: Sequence[str]) -> "_PagedText":
        normalised = [_normalise(page) for page in pages]
        starts = accumulate((len(page) + 1 for page in normalised), initial=0)
        return cls(text="\n".join(normalised), starts=tuple(starts)[: len(pages)])

    def page_at(self, position: int) -> int:
        return bisect_right(self.starts, position)


def _check(finding: CriterionFinding, text: _PagedText) -> CheckedFinding:
    page = _find(finding.quote, text) if finding.quote else None
    return CheckedFinding(
        criterion_id=finding.criterion_id,
        finding=finding.finding,
        quote=finding.quote,
        quote_verified=page is not None,
        page=page,
        explanation=finding.explanation,
    )


def _find(quote: str, text: _PagedText) -> int | None:
    wanted = _normalise(quote).strip(_AROUND_A_QUOTE)
    if not any(character.isalnum() for character in wanted):
        return None
    match = _tolerant_pattern(wanted).search(text.text)
    return text.page_at(match.start()) if match else None


def _normalise(text: str) -> str:
    # Variants first: NFKC would turn a few of them (a prime, an ellipsis) into something else.
    return unicodedata.normalize("NFKC", text.translate(_VARIANTS)).translate(_VARIANTS).casefold()


def _tolerant_pattern(wanted: str) -> re.Pattern[str]:
    """Compile a quote into a pattern that lets spaces and hyphens come and go between its letters."""
    parts: list[str] = []
    previous, gap = "", ""
    for character in wanted:
        if character.isspace() or character == "-":
            gap += character
            continue
        if previous:
            parts.append(_between(previous, gap, character))
        parts.append(re.escape(character))
        previous, gap = character, ""
    before = rf"(?<!{_WORD})" if _WORD_CHARACTER.match(wanted[0]) else ""
    after = rf"(?!{_WORD})" if _WORD_CHARACTER.match(previous) else ""
    return re.compile(before + "".join(parts) + after)


def _between(previous: str, gap: str, following: str) -> str:
    """Allow any break between letters; between digits a break is part of the number ("10-5" is not "105")."""
    if not (previous.isdigit() and following.isdigit()):
        return r"[\s\-]*"
    if "-" in gap:
        return r"\s*-\s*"
    return r"\s+" if gap else ""
