"""Bring words of many languages into a form that can be compared."""

import re
import unicodedata

_UNDECOMPOSED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "’": "'", "‘": "'"})
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# Hyphens and slashes separate; a dot or an apostrophe joins, and "++" and "#" belong to the word before them.
_WORD = re.compile(r"\.?[^\W_]+(?:[.'][^\W_]+)*(?:\+\+|#)?")


def fold(text: str) -> str:
    """Lower the case and drop ligatures and accents: "Gestión" and "gestion" are one word here."""
    if text.isascii():
        return text.lower()
    lowered = unicodedata.normalize("NFKC", text).casefold().translate(_UNDECOMPOSED)
    if lowered.isascii():
        return lowered
    kept = (letter for letter in unicodedata.normalize("NFD", lowered) if not _is_european_mark(letter))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_european_mark(letter: str) -> bool:
    """Tell accents from the voicing marks of Japanese, which make another word."""
    return "\u0300" <= letter <= "\u036f"


def split_words(text: str) -> list[str]:
    """Return the words of a text as written."""
    return _WORD.findall(text)


def has_cjk(text: str) -> bool:
    """Tell whether a text has Chinese or Japanese characters."""
    return _CJK.search(text) is not None
