"""The skills a CV names: what it lists, then what it mentions."""

import re
from collections.abc import Iterator

from ai_gateway.sandbox.rules.document import Document, Line, is_negated
from ai_gateway.sandbox.rules.folding import fold, has_cjk, split_words
from ai_gateway.sandbox.rules.lexicon.skills import MAX_SKILL_WORDS, SKILL_OF
from ai_gateway.sandbox.rules.spoken import find_named_languages

_ITEM = re.compile(r"[,;•|·、，；/\t](?![^(（]*[)）])")
_LABEL = re.compile(r"^(?P<label>[^:：]{2,40})[:：]\s*(?P<items>.+)$")
_MAX_ITEM_CHARACTERS = 45
_MAX_ITEM_WORDS = 5
_MAX_SKILLS = 40


def find_listed_skills(document: Document) -> list[str]:
    """Return the skills as written, listed ones first, without repetition."""
    found: dict[str, str] = {}
    for skill in (*_listed(document), *_mentioned(document)):
        found.setdefault(SKILL_OF.get(fold(skill), fold(skill)), skill)
    return list(found.values())[:_MAX_SKILLS]


def _listed(document: Document) -> Iterator[str]:
    for text in _rejoin(document.in_sections("skills")):
        label = _LABEL.match(text)
        if label and fold(label["label"]) in SKILL_OF:
            yield label["label"].strip()
        for item in _ITEM.split(label["items"] if label else text):
            bare = item.strip(" .。-–*")
            if bare and _may_be_skill(bare):
                yield bare


def _rejoin(lines: list[Line]) -> Iterator[str]:
    """Put lists back together that a narrow column has broken."""
    pending = ""
    for line in lines:
        if pending and not pending.rstrip().endswith((",", "，", "、")):
            yield pending
            pending = ""
        pending = f"{pending} {line.bare}".strip()
    if pending:
        yield pending


def _may_be_skill(item: str) -> bool:
    if is_negated(item) or find_named_languages(item):
        return False
    return len(item) <= _MAX_ITEM_CHARACTERS and (has_cjk(item) or len(item.split()) <= _MAX_ITEM_WORDS)


def _mentioned(document: Document) -> Iterator[str]:
    """Yield the known skills anywhere in the CV, spelled as there, longest names first on each line."""
    for line in document.lines:
        for part in line.parts:
            if not is_negated(part):
                yield from _spelled(part)


def _spelled(text: str) -> Iterator[str]:
    words = split_words(text)
    folded = [fold(word) for word in words]
    for length in range(MAX_SKILL_WORDS, 0, -1):
        for start in range(len(words) - length + 1):
            if " ".join(folded[start : start + length]) in SKILL_OF:
                yield " ".join(words[start : start + length])
