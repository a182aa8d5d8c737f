"""Judge a CV against one criterion of a job.

A criterion may ask for a language, a degree, years, and for work that its words name. Each part is looked for by
itself; the criterion is met if all of them are.
"""

import re
from dataclasses import dataclass
from typing import Literal

from ai_gateway.sandbox.rules.asked_years import find_stated_years
from ai_gateway.sandbox.rules.dates import count_years
from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.lexicon.titles import find_degree
from ai_gateway.sandbox.rules.reading import Passage, Reading
from ai_gateway.sandbox.rules.spoken import SpokenLanguage, find_named_languages, find_rank
from ai_gateway.sandbox.rules.terms import WEIGHT, Term, find_terms

Finding = Literal["met", "not_met", "no_evidence"]

_ALTERNATIVES = re.compile(r"\b(?:or|oder|ou|lub|albo)\b|/|または|或")
_BACHELOR = 2
_HALF = 0.5
_MAX_QUOTE_CHARACTERS = 300
_TELLING_CHARACTERS = 20
_CLAUSES = re.compile(r"[,;、，；]|\b(?:and|und|et|y|e|i)\b")
_LEVEL_NAMES = {1: "A1", 2: "A2", 3: "B1", 4: "B2", 5: "C1", 6: "C2", 7: "native"}


@dataclass(frozen=True)
class Judgement:
    """What the CV shows about a criterion or a part of one; ``quote`` stands in the CV word for word."""

    finding: Finding
    explanation: str
    quote: str | None = None
    page: int | None = None


def judge(criterion: str, reading: Reading) -> Judgement:
    """Judge a CV against the text of a criterion."""
    terms = find_asked_terms(criterion)
    parts = [
        *(_judge_language(code, criterion, reading) for code in find_named_languages(criterion)),
        *_judge_degree(criterion, reading),
        *_judge_years(criterion, terms, reading),
        *_judge_terms(criterion, terms, reading),
    ]
    if not parts:
        return Judgement("no_evidence", "The rules know none of the words of this criterion.")
    return _join(parts)


def find_asked_terms(criterion: str) -> frozenset[Term]:
    """Return what a criterion asks for: the skills and concepts that it names, or else its words."""
    terms = find_terms(criterion, in_list=True)
    strong = frozenset(term for term in terms if term.kind != "word")
    if strong or find_named_languages(criterion) or find_degree(criterion) >= _BACHELOR:
        return strong
    return terms


def coverage(asked: frozenset[Term], found: frozenset[Term]) -> float:
    """Return how much of what is asked for is there, by weight, 0 to 1."""
    total = sum(WEIGHT[term.kind] for term in asked)
    return sum(WEIGHT[term.kind] for term in asked & found) / total if total else 0.0


def find_asked_rank(criterion: str) -> int:
    """Return the level of a language that a criterion asks for; without one, enough to work in it (B2)."""
    return find_rank(criterion) or 4


def _join(parts: list[Judgement]) -> Judgement:
    """Join parts: what is missing outweighs what is unknown, and that what is there; the worst part is quoted."""
    for finding in ("not_met", "no_evidence", "met"):
        deciding = [part for part in parts if part.finding == finding]
        if deciding:
            break
    explanation = " ".join(part.explanation for part in (parts if finding == "met" else deciding))
    if finding == "no_evidence":
        return Judgement("no_evidence", explanation)
    quoted = next((part for part in deciding if part.quote), deciding[-1])
    return Judgement(quoted.finding, explanation, quoted.quote, quoted.page)


def _judge_language(code: str, criterion: str, reading: Reading) -> Judgement:
    spoken = next((language for language in reading.spoken if language.code == code), None)
    if spoken is None:
        return Judgement("no_evidence", "The CV does not name this language with a level.")
    asked = find_asked_rank(criterion)
    quote, page = _quote_language(spoken)
    if spoken.rank is None:
        return Judgement("met", f"The CV lists {spoken.name}.", quote, page)
    has, wants = _LEVEL_NAMES[spoken.rank], _LEVEL_NAMES[asked]
    finding: Finding = "met" if spoken.rank >= asked else "not_met"
    return Judgement(finding, f"{spoken.name}: the CV says {has}, asked for is {wants}.", quote, page)


def _quote_language(spoken: SpokenLanguage) -> tuple[str, int]:
    parts = [part for part in spoken.line.parts if spoken.name in part]
    return _cut(parts[0] if parts else spoken.line.bare), spoken.line.page


def _judge_degree(criterion: str, reading: Reading) -> list[Judgement]:
    asked = find_degree(criterion)
    if asked < _BACHELOR:
        return []
    best = max(reading.schooling, key=lambda entry: entry.level, default=None)
    if best is None or best.level < asked:
        return [Judgement("no_evidence", "The CV names no such degree.")]
    return [Judgement("met", "The CV names a degree.", _cut(best.line.bare), best.line.page)]


def _judge_years(criterion: str, terms: frozenset[Term], reading: Reading) -> list[Judgement]:
    asked = find_stated_years(criterion)
    if asked is None:
        return []
    stated = [
        (years, passage)
        for passage in reading.passages
        if (not terms or passage.terms & terms) and (years := _years_stated(passage.text, terms)) is not None
    ]
    most = max(stated, key=lambda found: found[0], default=None)
    worked, where = _years_worked(terms, reading)
    if most is not None and (most[0] >= asked or most[0] >= worked):
        years, passage = most
        quote, page = _cut(passage.text), passage.page
    elif where is not None:
        years, quote, page = worked, _cut(where.text), where.page
    else:
        return [Judgement("no_evidence", f"Asked for are {asked:g} years; the CV does not say how many.")]
    finding: Finding = "met" if years >= asked else "not_met"
    return [Judgement(finding, f"Asked for are {asked:g} years, the CV shows {years:g}.", quote, page)]


def _years_stated(text: str, terms: frozenset[Term]) -> float | None:
    """Return the years that a passage states, if it states several those of the clause that names the terms."""
    stating = [clause for clause in _CLAUSES.split(text) if find_stated_years(clause) is not None]
    naming = [clause for clause in stating if find_terms(clause) & terms] if len(stating) > 1 else stating
    return max((find_stated_years(clause) or 0.0 for clause in naming), default=None)


def _years_worked(terms: frozenset[Term], reading: Reading) -> tuple[float, Passage | None]:
    """Add up the positions that deal with what is asked for, and return the header of the first."""
    fitting = [
        position
        for position in reading.positions
        if not terms or any(find_terms(line.text) & terms for line in position.lines)
    ]
    years = count_years([position.period for position in fitting], reading.today)
    if years is None:
        return 0.0, None
    header = fitting[0].lines[0]
    return years, Passage(header.bare, header.page, frozenset(), header.section)


def _judge_terms(criterion: str, asked: frozenset[Term], reading: Reading) -> list[Judgement]:
    if not asked:
        return []
    found = frozenset[Term]().union(*(passage.terms & asked for passage in reading.passages))
    best = max(reading.passages, key=lambda passage: _evidence(asked, passage), default=None)
    named = ", ".join(sorted(term.key for term in asked))
    if best is None or not best.terms & asked or not _is_enough(criterion, asked, found, best):
        return [Judgement("no_evidence", f"Looked for: {named}. The CV does not show enough of it.")]
    shown = ", ".join(sorted(term.key for term in found))
    return [Judgement("met", f"Looked for: {named}. Found: {shown}.", _cut(best.text), best.page)]


def _is_enough(criterion: str, asked: frozenset[Term], found: frozenset[Term], best: Passage) -> bool:
    """Skills may be spread over the CV, and one of alternatives will do; plain words must stand together."""
    if all(term.kind == "word" for term in asked):
        together = asked & best.terms
        return len(together) >= min(2, len(asked)) and coverage(asked, best.terms) >= _HALF
    if _ALTERNATIVES.search(fold(criterion)):
        return True
    skills = frozenset(term for term in asked if term.kind == "skill")
    return (not skills or bool(skills & found)) and coverage(asked, found) > _HALF


def _evidence(asked: frozenset[Term], passage: Passage) -> tuple[float, bool, int]:
    """Order passages: how much they show, then whether they are more than a broken-off word, then what they tell of."""
    told = (
        2 if passage.section in ("experience", "projects") else 0 if passage.section in ("skills", "languages") else 1
    )
    return coverage(asked, passage.terms), len(passage.text) >= _TELLING_CHARACTERS, told


def _cut(text: str) -> str:
    """Shorten a quote to whole words from its beginning: it must still stand in the CV as it is."""
    if len(text) <= _MAX_QUOTE_CHARACTERS:
        return text
    cut = text[:_MAX_QUOTE_CHARACTERS]
    return cut.rsplit(" ", 1)[0] if " " in cut else cut
