"""Words that the rules know, as data.

A file has one entry a line: a key, "=", and its words with "|" between them; indented lines go on with the entry above.
"""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def read_lexicon(name: str) -> dict[str, list[str]]:
    """Read a file of this folder."""
    lines = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    entries = "\n".join(line for line in lines if not line.startswith("#")).replace("\n ", " ")
    pairs = (entry.partition("=") for entry in entries.splitlines() if entry.strip())
    return {key.strip(): [word.strip() for word in words.split("|")] for key, _, words in pairs}
