"""How many tokens texts will be, whoever reads them: above what any provider counts, or a fair guess."""

import re
from collections.abc import Sequence
from math import ceil

from ai_gateway.estimating.vocabularies import PIECE_CHARACTERS, bound_tokens_by_bytes, count_tokens, is_known
from ai_gateway.providers.types import ProviderKind

# A model that tiktoken does not know may have a newer vocabulary than the one that stands in for it.
_UNKNOWN_MODEL_FACTOR = 1.1

# Anthropic publishes no tokenizer; its models from 4.7 on take about 30 % more tokens than the ones before,
# which took more than o200k_base. Of a compatible server's vocabulary nothing is known but that it is often
# small. So: plain words take their o200k_base tokens times this, and every other byte is a token, because
# smaller vocabularies split digits, signs, runs of blanks and other scripts one by one.
_FOREIGN_FACTORS: dict[ProviderKind, float] = {"anthropic": 1.6, "compatible": 2.0}
# The likeliest ratio, for counting what a provider did not report.
_ANTHROPIC_LIKELY_FACTOR = 1.3

# Longer runs of letters are no words: codes, keys, or somebody's attempt.
_PLAIN_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,24}(?![A-Za-z])")

_TOKENS_PER_CUT = 8


def bound_text_tokens(texts: Sequence[str], *, model: str, kind: ProviderKind) -> int:
    """Return an upper bound of the tokens of ``texts``, each read by itself; never more than their bytes."""
    tokens = sum(len(text) // PIECE_CHARACTERS for text in texts) * _TOKENS_PER_CUT
    if kind == "openai":
        factor = 1.0 if is_known(model) else _UNKNOWN_MODEL_FACTOR
        tokens += ceil(sum(count_tokens(text, model) for text in texts) * factor)
    else:
        tokens += sum(_bound_foreign_tokens(text, _FOREIGN_FACTORS[kind]) for text in texts)
    return min(tokens, sum(bound_tokens_by_bytes(text) for text in texts))


def guess_text_tokens(texts: Sequence[str], *, model: str, kind: ProviderKind) -> int:
    """Return the likeliest number of tokens of ``texts``: what is charged where a provider reported none."""
    factor = _ANTHROPIC_LIKELY_FACTOR if kind == "anthropic" else 1.0
    return ceil(sum(count_tokens(text, model) for text in texts) * factor)


def _bound_foreign_tokens(text: str, factor: float) -> int:
    size_bytes = bound_tokens_by_bytes(text)
    words = _PLAIN_WORD.findall(text)
    plain = " ".join(words)
    other_bytes = max(size_bytes - len(plain), 0)
    return min(ceil(count_tokens(plain, "") * factor) + other_bytes, size_bytes)
