"""Headings of CVs in several languages."""

import re
from typing import Literal, cast

from ai_gateway.sandbox.rules.folding import fold, has_cjk
from ai_gateway.sandbox.rules.lexicon import read_lexicon

Section = Literal["top", "summary", "experience", "projects", "education", "skills", "languages", "other"]

_SECTION_OF: dict[str, Section] = {
    fold(heading): cast(Section, section)
    for section, headings in read_lexicon("headings").items()
    for heading in headings
}
_AROUND = " \t:：.-–—=_*#|•●■◆【】[]"
_RULE = re.compile(r"^[\s\-=_*~─━—]{2,}$")
_LETTER_SPACED = re.compile(r"^(?:\w ){3,}\w$")
MAX_HEADING_CHARACTERS = 45


def find_section(line: str) -> tuple[Section, str] | None:
    """Return the section that a line opens, with the text that follows on the same line ("Skills: Python")."""
    first = line.strip()[:1]
    if not first or first.islower() or line.rstrip().endswith((".", ",", ";", "。")):
        return None
    heading, colon, rest = line.strip().partition("：" if "：" in line else ":")
    for name, following in ((line, ""), (heading, rest.strip()) if colon else (line, "")):
        section = _SECTION_OF.get(_bare(name))
        if section is not None:
            return section, following
    return None


def is_rule(line: str) -> bool:
    """Tell whether a line only underlines the one above."""
    return _RULE.match(line) is not None


def may_be_heading(line: str) -> bool:
    """Tell whether an underlined line is short enough to be a heading, known or not."""
    return 0 < len(line.strip()) <= MAX_HEADING_CHARACTERS


def _bare(line: str) -> str:
    bare = line.strip(_AROUND)
    if len(bare) > MAX_HEADING_CHARACTERS:
        return ""
    if _LETTER_SPACED.match(bare) and not has_cjk(bare):
        bare = bare.replace(" ", "")
    return fold(" ".join(bare.split()))
