"""Who a CV belongs to, and how to reach them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ai_gateway.sandbox.rules.dates import remove_dates
from ai_gateway.sandbox.rules.document import Document
from ai_gateway.sandbox.rules.folding import fold, has_cjk
from ai_gateway.sandbox.rules.headings import find_section
from ai_gateway.sandbox.rules.lexicon.titles import EMPLOYER, INSTITUTION, TITLE, find_degree
from ai_gateway.sandbox.rules.terms import find_skills

EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){7,14}(?!\w)")
_SEGMENTS = re.compile(r"\s*[|·•\t]\s*|\s{3,}")
_NAME = re.compile(r"^[^\W\d_][\w.'’\-]*(?: [^\W\d_][\w.'’\-]*){1,5}$")
_CJK_NAME = re.compile(r"^[\u3400-\u9fff々]{1,4}[ \u3000]?[\u3040-\u30ff\u3400-\u9fff々]{1,4}$")
_NAME_LABEL = re.compile(
    r"^(?:name|姓名|氏名|名前|nom|nombre|nome|imię i nazwisko)\s*[:：]\s*(?P<name>.+)$", re.IGNORECASE
)
_TOWN_LABEL = re.compile(
    r"^(?:location|address|based in|adresse|wohnort|anschrift|lieu|dirección|ubicación|endereço|adres"
    r"|住所|地址|现居|所在地)"
    r"\s*[:：]\s*(?P<town>.+)$",
    re.IGNORECASE,
)
_TOWN = re.compile(r"^[^\W\d_][\w .'’\-]{1,30}(?:,\s?(?:the )?[^\W\d_][\w .'’\-]{1,30}){1,2}$")
_ONE_WORD = re.compile(r"^[^\W\d_][^\W\d_'’\-]{2,24}$")
_CJK_TOWN = re.compile(r"^[\u3400-\u9fff]{2,10}$")
_DOCUMENT_TITLES = {
    "curriculum vitae",
    "cv",
    "resume",
    "lebenslauf",
    "履歴書",
    "職務経歴書",
    "简历",
    "个人简历",
    "curriculo",
}
_TOP_LINES = 12


@dataclass(frozen=True)
class Contact:
    """What the top of a CV says about the person, as written; None is what it does not say."""

    name: str | None
    email: str | None
    phone: str | None
    location: str | None
    headline: str | None


def find_contact(document: Document) -> Contact:
    """Find name, e-mail, phone, town and profession."""
    lines = [line.text.strip() for line in document.first_page()]
    text = "\n".join(lines)
    email = EMAIL.search(text)
    name, at = _find_name(lines, email[0] if email else "")
    headline = _find_headline(lines, at) if name else None
    return Contact(
        name=name,
        email=email[0] if email else None,
        phone=_find_phone(lines),
        location=_find_location(lines, at, taken={name, headline}),
        headline=headline,
    )


def _find_name(lines: list[str], email: str) -> tuple[str | None, int]:
    """Return the name and its line: labelled, or spelled like the e-mail address, or the first that looks like one."""
    for index, line in enumerate(lines[:_TOP_LINES]):
        labelled = _NAME_LABEL.match(line)
        if labelled:
            return labelled["name"].strip(), index
    local = [part for part in re.split(r"[._\-+\d]+", fold(email.partition("@")[0])) if len(part) > 1]
    for index, line in enumerate(lines if len(local) > 1 else []):
        spelled = _spelled_like(local, line)
        if spelled:
            return spelled, index
    for index, line in enumerate(lines[:_TOP_LINES]):
        if _looks_like_name(line):
            return line, index
    return None, 0


def _spelled_like(local: list[str], line: str) -> str | None:
    """Return the words of a line that spell an e-mail address, with further names if the whole line is a name."""
    words = re.findall(r"[\w'’\-]+", EMAIL.sub(" ", line))
    for start in range(len(words) - len(local) + 1):
        window = words[start : start + len(local)]
        if [_ascii(word) for word in window] == local:
            return line if _looks_like_name(line) else " ".join(window)
    return None


def _ascii(word: str) -> str:
    return fold(word).replace("ä", "ae").replace("'", "")


def _looks_like_name(line: str) -> bool:
    bare = line.strip()
    if fold(bare) in _DOCUMENT_TITLES or find_section(bare) or len(bare) > 50:
        return False
    if _CJK_NAME.match(bare):
        return TITLE.search(bare) is None
    if not _NAME.match(bare) or has_cjk(bare) or TITLE.search(_without_academic(bare)) or EMPLOYER.search(bare):
        return False
    capitals = [word for word in bare.split() if word[0].isupper()]
    return len(capitals) >= 2 and not find_skills(bare) and not find_degree(bare)


def _without_academic(name: str) -> str:
    return re.sub(r"\b(?:prof|dr|professor|doctor)\b\.?", "", name, flags=re.IGNORECASE)


def _segments(lines: list[str], start: int, stop: int) -> Iterator[str]:
    """Yield the pieces of some lines that are no contact data themselves."""
    for line in lines[max(0, start) : max(0, stop)]:
        for piece in _SEGMENTS.split(line):
            if piece and not EMAIL.search(piece) and not _PHONE.search(piece) and "://" not in piece:
                yield piece.strip()


def _find_headline(lines: list[str], name_at: int) -> str | None:
    """Return the profession under the name: a line with a job title, or else the line right below."""
    below = [piece for piece in _segments(lines, name_at + 1, name_at + 4) if _may_be_headline(piece)]
    titled = [piece for piece in below if TITLE.search(piece)]
    if titled:
        return titled[0]
    first = below[0] if below else None
    return first if first and not _may_be_town(first) else None


def _may_be_headline(piece: str) -> bool:
    return (
        len(piece) <= 90 and not piece.endswith((".", "。")) and find_section(piece) is None and not piece[0].isdigit()
    )


def _find_phone(lines: list[str]) -> str | None:
    for line in lines:
        match = _PHONE.search(remove_dates(line) if not line.startswith("+") else line)
        if match and 8 <= sum(character.isdigit() for character in match[0]) <= 15:
            return match[0].strip()
    return None


def _find_location(lines: list[str], name_at: int, *, taken: set[str | None]) -> str | None:
    """Return the town: labelled, else a line near the name or the contact data that reads like one."""
    for line in lines:
        labelled = _TOWN_LABEL.match(line)
        if labelled:
            return labelled["town"].strip()
    contact_at = next((index for index, line in enumerate(lines) if EMAIL.search(line)), name_at)
    near = [*_segments(lines, name_at, name_at + 5), *_segments(lines, contact_at - 2, contact_at + 3)]
    towns = [piece for piece in near if piece not in taken and _may_be_town(piece)]
    return next((town for town in towns if "," in town or has_cjk(town)), towns[0] if towns else None)


def _may_be_town(piece: str) -> bool:
    if any(pattern.search(piece) for pattern in (TITLE, EMPLOYER, INSTITUTION)):
        return False
    if find_section(piece) or find_degree(piece) or find_skills(piece):
        return False
    if has_cjk(piece):
        return _CJK_TOWN.match(piece) is not None
    return piece[0].isupper() and (_TOWN.match(piece) is not None or _ONE_WORD.match(piece) is not None)
