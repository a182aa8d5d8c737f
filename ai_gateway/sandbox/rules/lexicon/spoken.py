"""Spoken languages and their levels, as CVs in several languages name them."""

from ai_gateway.sandbox.rules.folding import fold
from ai_gateway.sandbox.rules.lexicon import read_lexicon

# A folded name to its ISO code, and a folded word or CEFR level to how far it reaches, 1 (A1) to 7 (native).
LANGUAGE_OF: dict[str, str] = {fold(name): code for code, names in read_lexicon("languages").items() for name in names}
LEVEL_OF: dict[str, int] = {fold(word): int(rank) for rank, words in read_lexicon("levels").items() for word in words}
