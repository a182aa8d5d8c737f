"""A CV as lines with sections: what the rules read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.headings import Section, find_section, is_rule, may_be_heading
from ai_gateway.sandbox.rules.instructions import drop_instructions
from ai_gateway.sandbox.rules.prompt_reading import Page

_BULLET = re.compile(r"^\s*(?:[•‣▪▫●○◦·∙\uf0b7*➢►✓]|[-–—](?=\s))\s*")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=\S)|(?<=[。！？；])")
_LONG_LINE = 200
_NEGATION = re.compile(
    r"^\W*(?:no|not|never|without|keine?|nicht|ohne|aucune?|pas de|sin|sem|bez|nie|nenhum\w*|没有|无)\b"
    r"|\b(?:no|not any|never any|keine?|aucune?|sin|sem|bez|brak) (?:\w+ ){0,2}(?:experience|knowledge|erfahrung"
    r"|kenntnisse|expérience|experiencia|experiência|doświadczenia)\b|(?:没有|无).{0,8}经验|経験(?:は)?(?:ない|なし|ありません)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Line:
    """One line of a CV as written; ``parts`` are its sentences if it is a whole paragraph."""

    text: str
    page: int
    section: Section
    is_bullet: bool
    follows_gap: bool

    @property
    def bare(self) -> str:
        """Return the text without its bullet."""
        return _BULLET.sub("", self.text).strip()

    @property
    def parts(self) -> list[str]:
        """Return what can be quoted of the line."""
        bare = self.bare
        return [part.strip() for part in _SENTENCE_END.split(bare)] if len(bare) > _LONG_LINE else [bare]


@dataclass(frozen=True)
class Document:
    """The lines of a CV, without headings, empty lines and text that talks to the reader."""

    lines: tuple[Line, ...]

    def in_sections(self, *sections: Section) -> list[Line]:
        """Return the lines of some sections, in the CV's order."""
        return [line for line in self.lines if line.section in sections]

    def first_page(self) -> list[Line]:
        """Return the lines of the first page that has any."""
        return [line for line in self.lines if line.page == self.lines[0].page] if self.lines else []

    @cached_property
    def folded_text(self) -> str:
        """Return the whole text in comparable form."""
        return fold("\n".join(line.text for line in self.lines))


def read_document(pages: Iterable[Page]) -> Document:
    """Read the pages of a CV into lines."""
    lines: list[Line] = []
    section: Section = "top"
    for page in pages:
        texts = drop_instructions(page.text.split("\n"))
        gap = True
        for index, text in enumerate(texts):
            if not text.strip() or is_rule(text):
                gap = True
                continue
            opened = _opens_section(texts, index)
            if opened is not None:
                section, text = opened
                gap = True
            if text:
                lines.append(Line(text, page.number, section, _BULLET.match(text) is not None, gap))
                gap = False
    return Document(tuple(lines))


def is_negated(text: str) -> bool:
    """Tell whether a passage says that something is missing ("No professional web development")."""
    return _NEGATION.search(text) is not None


def _opens_section(texts: list[str], index: int) -> tuple[Section, str] | None:
    """Return the section that a line opens: a known heading, or any short line that is underlined."""
    known = find_section(texts[index])
    if known is not None:
        return known
    underlined = index + 1 < len(texts) and is_rule(texts[index + 1])
    return ("other", "") if underlined and may_be_heading(texts[index]) else None
