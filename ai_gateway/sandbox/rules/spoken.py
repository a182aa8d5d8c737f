"""Which languages a CV says its candidate speaks, and how well."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ai_gateway.sandbox.rules.document import Line
from ai_gateway.sandbox.rules.folding import fold, has_cjk
from ai_gateway.sandbox.rules.lexicon.spoken import LANGUAGE_OF, LEVEL_OF

_CJK_NAMES = "|".join(sorted((name for name in LANGUAGE_OF if has_cjk(name)), key=len, reverse=True))
_ENTRY = re.compile(
    rf"(?P<name>(?<![^\W_])[^\W\d_]{{3,15}}(?![^\W_])|{_CJK_NAMES})"
    r"(?:\s*[(（](?P<in_brackets>[^()（）]{1,40})[)）]|\s*[:–—-]\s*(?P<after>[^,;、，|()]{1,40})|\s+(?P<cefr>[ABC][12])\b)?"
)
_CEFR = re.compile(r"\b([ABC][12])\b", re.IGNORECASE)
_WORD = re.compile(r"[\w']+")


@dataclass(frozen=True)
class SpokenLanguage:
    """A language as a CV names it; ``rank`` is 1 (A1) to 7 (native), None if the level is unknown."""

    code: str
    name: str
    level: str | None
    rank: int | None
    line: Line


def find_spoken(lines: Iterable[Line]) -> list[SpokenLanguage]:
    """Find languages: in a list of languages by name alone, elsewhere only with a level."""
    found: dict[str, SpokenLanguage] = {}
    for line in lines:
        for language in _read_line(line):
            known = found.get(language.code)
            listed = line.section in ("languages", "skills")
            if (language.rank or listed) and (known is None or (known.rank is None and language.rank)):
                found[language.code] = language
    return list(found.values())


def find_rank(text: str) -> int | None:
    """Return how far a described level reaches, the highest of what is named; None if nothing is."""
    cefr = _CEFR.search(text)
    if cefr:
        return LEVEL_OF[fold(cefr[1])]
    folded = fold(text)
    words = set(_WORD.findall(folded))
    ranks = [
        rank for phrase, rank in LEVEL_OF.items() if (phrase in folded if _needs_search(phrase) else phrase in words)
    ]
    return max(ranks, default=None)


def find_named_languages(text: str) -> list[str]:
    """Return the codes of the languages that a text names, in any of the known languages."""
    folded = fold(text)
    words = [*_WORD.findall(folded), *re.findall(_CJK_NAMES, folded)]
    return list(dict.fromkeys(LANGUAGE_OF[word] for word in words if word in LANGUAGE_OF))


def _read_line(line: Line) -> Iterable[SpokenLanguage]:
    for match in _ENTRY.finditer(line.text):
        code = LANGUAGE_OF.get(fold(match["name"]))
        if code is None:
            continue
        level = match["in_brackets"] or match["after"] or match["cefr"]
        rank = find_rank(level) if level else _rank_said_before(line.text, match.start())
        yield SpokenLanguage(code, match["name"], level.strip() if level else None, rank, line)


def _rank_said_before(text: str, at: int) -> int | None:
    """Read "fluent German" and "my German is B1": the words around a name, unless they name another language."""
    before = _WORD.findall(fold(text[:at]))[-2:]
    after = _WORD.findall(fold(text[at:]))[1:4]
    said = [
        word for word in (*before, *after) if word in LEVEL_OF and word not in ("good", "gut", "professional", "basic")
    ]
    return LEVEL_OF[said[0]] if said else None


def _needs_search(phrase: str) -> bool:
    return " " in phrase or has_cjk(phrase)
