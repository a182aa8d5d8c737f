"""Names of tools, technologies and methods, each with its other spellings."""

from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.lexicon import read_lexicon

# Words that are a skill only where skills are listed: elsewhere they are ordinary words.
_ONLY_IN_LISTS = frozenset(
    ["framer", "helm", "intercom", "oracle", "sketch", "spark", "spring", "swift", "unity", "word", "go", "r", "c"]
)
_ALSO_IN_LISTS = {"go": "golang", "r": "r", "c": "c", "swift": "swift", "spring": "spring boot"}

LISTED_SKILL_OF: dict[str, str] = {
    **{fold(spelling): key for key, spellings in read_lexicon("skills").items() for spelling in spellings},
    **_ALSO_IN_LISTS,
}
SKILL_OF: dict[str, str] = {word: key for word, key in LISTED_SKILL_OF.items() if word not in _ONLY_IN_LISTS}
MAX_SKILL_WORDS = 3
