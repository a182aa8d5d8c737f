"""How many tokens a request will take, before anybody is asked: real tiktoken, offline."""

import json
import os
import re
from functools import cache
from math import ceil
from pathlib import Path

import tiktoken
from django.conf import settings

from ai_gateway.providers.types import ProviderKind, ProviderRequest, Usage
from ai_gateway.tokenizer_ranks import install_ranks

_DEFAULT_ENCODING = "o200k_base"
_OFFLINE_ENCODINGS = {"o200k_base", "o200k_harmony", "cl100k_base"}

# OpenAI's chat format (its cookbook, "How to count tokens"): around each message, and before the answer.
_TOKENS_PER_MESSAGE = 3
_TOKENS_PRIMING = 3
# The heading and the field names around a schema; its text is counted apart.
_TOKENS_PER_SCHEMA = 32
# A model that tiktoken does not know may have a newer vocabulary than the one that stands in for it.
_UNKNOWN_MODEL_FACTOR = 1.1

# Anthropic publishes no tokenizer; its models from 4.7 on take about 30 % more tokens than the ones before,
# which took more than o200k_base. Of a compatible server's vocabulary nothing is known but that it is often
# small. So: plain words take their o200k_base tokens times this, and every other byte is a token, because
# smaller vocabularies split digits, signs, runs of blanks and other scripts one by one.
_FOREIGN_FACTORS: dict[ProviderKind, float] = {"anthropic": 1.6, "compatible": 2.0}
# The system text that Anthropic adds, structured output's included.
_FOREIGN_TOKENS_PER_REQUEST = 64
# The likeliest ratio, for counting what a provider did not report.
_ANTHROPIC_LIKELY_FACTOR = 1.3

# Longer runs of letters are no words: codes, keys, or somebody's attempt.
_PLAIN_WORD = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,24}(?![A-Za-z])")

# tiktoken's pattern matcher panics on runs of about a million blanks; hostile files have them. Longer texts are
# counted in pieces, and each cut may hide a few tokens.
_PIECE_CHARACTERS = 100_000
_TOKENS_PER_CUT = 8


def count_tokens(text: str, model: str) -> int:
    """Return how many tokens ``text`` is for ``model``, by o200k_base for models that tiktoken does not know.

    Text that looks like a special token counts as the text it is. Exact up to 100,000 characters, beyond that to
    a few tokens. Raises ``TokenizerRanksMissing``.
    """
    encoding = _load_encoding(_encoding_name(model))
    starts = range(0, len(text), _PIECE_CHARACTERS)
    return sum(len(encoding.encode_ordinary(text[start : start + _PIECE_CHARACTERS])) for start in starts)


def bound_tokens_by_bytes(text: str) -> int:
    """Return a number that the tokens of ``text`` cannot exceed in any byte-level vocabulary, without counting."""
    return len(text.encode("utf-8", "replace"))


def estimate_input_tokens(request: ProviderRequest, provider_kind: ProviderKind) -> int:
    """Return an upper bound of the input tokens that the provider will report for ``request``."""
    texts = [turn.text for turn in request.messages]
    frame = _count_frame(request)
    frame += sum(len(text) // _PIECE_CHARACTERS for text in texts) * _TOKENS_PER_CUT
    if request.json_schema:
        frame += _TOKENS_PER_SCHEMA
        texts.append(_schema_text(request))
    if provider_kind == "openai":
        factor = 1.0 if _is_known(request.model) else _UNKNOWN_MODEL_FACTOR
        return frame + ceil(sum(count_tokens(text, request.model) for text in texts) * factor)
    bounds = (_bound_foreign_tokens(text, _FOREIGN_FACTORS[provider_kind]) for text in texts)
    return frame + _FOREIGN_TOKENS_PER_REQUEST + sum(bounds)


def count_usage(request: ProviderRequest, produced_text: str, provider_kind: ProviderKind) -> Usage:
    """Count what a provider did not report: a fair guess of both sides, not an upper bound."""
    texts = [turn.text for turn in request.messages]
    if request.json_schema:
        texts.append(_schema_text(request))
    factor = _ANTHROPIC_LIKELY_FACTOR if provider_kind == "anthropic" else 1.0
    read = sum(count_tokens(text, request.model) for text in texts)
    written = count_tokens(produced_text, request.model)
    input_tokens = _count_frame(request) + ceil(read * factor)
    return Usage(input_uncached=input_tokens, output=ceil(written * factor), source="counted")


def _count_frame(request: ProviderRequest) -> int:
    """Return the tokens around the messages: their frames, the name of each role, and the answer's beginning."""
    return _TOKENS_PRIMING + len(request.messages) * (_TOKENS_PER_MESSAGE + 1)


def _bound_foreign_tokens(text: str, factor: float) -> int:
    size_bytes = bound_tokens_by_bytes(text)
    words = _PLAIN_WORD.findall(text)
    plain = " ".join(words)
    other_bytes = max(size_bytes - len(plain), 0)
    return min(ceil(count_tokens(plain, "") * factor) + other_bytes, size_bytes)


def _schema_text(request: ProviderRequest) -> str:
    assert request.json_schema is not None
    return json.dumps({"name": request.json_schema.name, "schema": request.json_schema.schema}, ensure_ascii=False)


def _is_known(model: str) -> bool:
    return _find_encoding_name(model) is not None


def _encoding_name(model: str) -> str:
    return _find_encoding_name(model) or _DEFAULT_ENCODING


def _find_encoding_name(model: str) -> str | None:
    """Return tiktoken's encoding for ``model``, if it knows the model and the data is at hand."""
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return None
    return name if name in _OFFLINE_ENCODINGS else None


@cache
def _load_encoding(name: str) -> tiktoken.Encoding:
    """Load a vocabulary, once per process (about 0.2 s), from a folder that we fill: never from the network."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or settings.TIKTOKEN_CACHE_DIR
    install_ranks(Path(folder))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)  # the only way to tell tiktoken
    return tiktoken.get_encoding(name)
