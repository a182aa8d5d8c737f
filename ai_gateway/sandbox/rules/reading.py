"""A CV read once, for all criteria."""

from dataclasses import dataclass
from datetime import date

from ai_gateway.sandbox.rules.cv_parse import today_of
from ai_gateway.sandbox.rules.document import Document, is_negated, read_document
from ai_gateway.sandbox.rules.headings import Section
from ai_gateway.sandbox.rules.positions import Position, find_positions
from ai_gateway.sandbox.rules.prompt_reading import HiringPrompt
from ai_gateway.sandbox.rules.schooling import Schooling, find_schooling
from ai_gateway.sandbox.rules.spoken import SpokenLanguage, find_spoken
from ai_gateway.sandbox.rules.terms import Term, find_terms

_LIST_SECTIONS = ("skills", "languages")


@dataclass(frozen=True)
class Passage:
    """A line or a sentence of the CV that can be quoted; ``section`` tells work done from a list of skills."""

    text: str
    page: int
    terms: frozenset[Term]
    section: Section


@dataclass(frozen=True)
class Reading:
    """What the rules know about a CV."""

    document: Document
    passages: tuple[Passage, ...]
    positions: tuple[Position, ...]
    schooling: tuple[Schooling, ...]
    spoken: tuple[SpokenLanguage, ...]
    today: date


def read_cv(prompt: HiringPrompt) -> Reading:
    """Read a CV; passages that say that something is missing are no evidence for it and are left out."""
    document = read_document(prompt.pages)
    passages = tuple(
        Passage(
            text=part,
            page=line.page,
            terms=find_terms(part, in_list=line.section in _LIST_SECTIONS),
            section=line.section,
        )
        for line in document.lines
        for part in line.parts
        if part and not is_negated(part)
    )
    return Reading(
        document=document,
        passages=passages,
        positions=tuple(find_positions(document)),
        schooling=tuple(find_schooling(document)),
        spoken=tuple(find_spoken(document.lines)),
        today=today_of(prompt, document),
    )
