"""What the same work is called in several languages."""

from ai_gateway.sandbox.rules.folding import fold, has_cjk
from ai_gateway.sandbox.rules.lexicon import read_lexicon

_PHRASES: dict[str, str] = {
    " ".join(fold(phrase).replace("-", " ").split()): concept
    for concept, phrases in read_lexicon("concepts").items()
    for phrase in phrases
}
CONCEPT_OF: dict[str, str] = {phrase: concept for phrase, concept in _PHRASES.items() if not has_cjk(phrase)}
CJK_CONCEPTS: dict[str, str] = {phrase: concept for phrase, concept in _PHRASES.items() if has_cjk(phrase)}
MAX_CONCEPT_WORDS = max(len(phrase.split()) for phrase in CONCEPT_OF)
