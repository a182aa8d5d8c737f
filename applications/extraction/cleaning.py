"""Make text of any origin fit for PostgreSQL, for a reader and for a model: what is seen is what is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Letters that typesetting programs fuse, and the look-alikes of Chinese characters that some PDFs map to.
COMPATIBILITY = re.compile("[\ufb00-\ufb06\u2e80-\u2fdf]")
SPACES = str.maketrans(
    dict.fromkeys("\u00a0\u1680\u202f\u205f\u3000\ufeff\t\v" + "".join(map(chr, range(0x2000, 0x200B))), " ")
)
# Symbol and Wingdings bullets of Word, as PDF and DOCX carry them.
BULLETS = str.maketrans(dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\uf0fc\uf02d\uf06e\uf06f", "•"))
LINE_ENDS = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
# Joiners are spelling in Arabic and Indic scripts; anywhere else they only hide something.
STRAY_JOINERS = re.compile(
    "(?<![\u0600-\u06ff\u0900-\u0dff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u06ff\u0900-\u0dff])"
)
JOINERS = "\u200c\u200d"
# Control, format (bidirectional overrides, zero-width, tags), surrogate, private use, unassigned.
UNSEEN_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn"))
VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean_text(raw: str) -> str:
    """Return `raw` in NFC without control and invisible characters, ligatures spelt out, blanks collapsed.

    Lines stay lines; at most one empty line stays between two.
    """
    text = LINE_ENDS.sub("\n", raw).translate(SPACES).translate(BULLETS)
    text = COMPATIBILITY.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = VARIATION_SELECTORS.sub("", STRAY_JOINERS.sub("", text))
    text = unicodedata.normalize("NFC", "".join(filter(_is_seen, text)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()


def clean_pages(raw_pages: Iterable[str], max_characters: int) -> tuple[tuple[str, ...], bool]:
    """Clean pages until `max_characters` are reached, and ask for no more; tell whether anything was cut."""
    pages: list[str] = []
    room = max_characters
    for raw in raw_pages:
        cleaned_characters = room * 2 + 1000  # cleaning shortens, but what is cut anyway need not be cleaned
        page = clean_text(raw[:cleaned_characters])
        pages.append(page[:room])
        if len(page) > room or len(raw) > cleaned_characters:
            return tuple(pages), True
        room -= len(page)
    return tuple(pages), False


def count_letters(pages: Iterable[str]) -> int:
    """Count letters and digits: what tells a text from page furniture."""
    return sum(map(str.isalnum, "".join(pages)))


def _is_seen(character: str) -> bool:
    return character in "\n" + JOINERS or unicodedata.category(character) not in UNSEEN_CATEGORIES
