"""What a passage is about: skills, concepts and words that can be found again in another passage."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from ai_gateway.sandbox.rules.folding import fold, has_cjk, split_words
from ai_gateway.sandbox.rules.lexicon import read_lexicon
from ai_gateway.sandbox.rules.lexicon.concepts import CJK_CONCEPTS, CONCEPT_OF, MAX_CONCEPT_WORDS
from ai_gateway.sandbox.rules.lexicon.skills import LISTED_SKILL_OF, MAX_SKILL_WORDS, SKILL_OF

Kind = Literal["skill", "concept", "word"]
WEIGHT: dict[Kind, int] = {"skill": 4, "concept": 3, "word": 1}

_STOP_WORDS = frozenset(fold(word) for words in read_lexicon("stop_words").values() for word in words)
_ENDINGS = ("ements", "ement", "ments", "ment", "ings", "ing", "ers", "er", "ed", "es", "en", "s", "e", "n")
_MIN_STEM = 4


class Term(NamedTuple):
    """Something a passage is about; two passages share it if kind and key are equal."""

    kind: Kind
    key: str


@lru_cache(maxsize=8192)
def find_terms(text: str, *, in_list: bool = False) -> frozenset[Term]:
    """Return what a passage is about; ``in_list`` reads single letters and everyday words as skills."""
    words = [fold(word) for word in split_words(text)]
    skills = LISTED_SKILL_OF if in_list else SKILL_OF
    found = set(_find_phrases(words, skills, CONCEPT_OF))
    if has_cjk(text):
        folded = fold(text)
        found.update(Term("concept", concept) for phrase, concept in CJK_CONCEPTS.items() if phrase in folded)
        found.update(
            Term("skill", key) for spelling, key in SKILL_OF.items() if len(spelling) > 2 and spelling in folded
        )
    return frozenset(found)


def find_skills(text: str, *, in_list: bool = False) -> set[str]:
    """Return the keys of the skills that a passage names."""
    return {term.key for term in find_terms(text, in_list=in_list) if term.kind == "skill"}


def _find_phrases(words: list[str], skills: dict[str, str], concepts: dict[str, str]) -> Iterator[Term]:
    """Yield the known phrases, none that lies inside a longer one, and the words that belong to none."""
    known = [False] * len(words)
    for length in range(max(MAX_CONCEPT_WORDS, MAX_SKILL_WORDS), 0, -1):
        taken = list(known)
        for start in range(len(words) - length + 1):
            if all(taken[start : start + length]):
                continue
            phrase = " ".join(words[start : start + length])
            for kind, lexicon in (("skill", skills), ("concept", concepts)):
                key = lexicon.get(phrase)
                if key is not None:
                    known[start : start + length] = [True] * length
                    yield Term("skill" if kind == "skill" else "concept", key)
    for word, is_known in zip(words, known, strict=True):
        if not is_known and len(word) > 2 and word not in _STOP_WORDS and not word.isdigit() and not has_cjk(word):
            yield Term("word", _stem(word))


def _stem(word: str) -> str:
    """Cut the ending off, so that "leading" and "leader" meet."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM:
            return word[: -len(ending)]
    return word
