"""Count the tokens of a text: real tiktoken, offline."""

import os
from functools import cache
from pathlib import Path

import tiktoken
from django.conf import settings

from ai_gateway.tokenizer_ranks import install_ranks

_DEFAULT_ENCODING = "o200k_base"
_OFFLINE_ENCODINGS = {"o200k_base", "o200k_harmony", "cl100k_base"}

# tiktoken's pattern matcher panics on runs of about a million blanks; hostile files have them. Longer texts are
# counted in pieces, and each cut may hide a few tokens.
PIECE_CHARACTERS = 100_000


def count_tokens(text: str, model: str) -> int:
    """Return how many tokens ``text`` is for ``model``, by o200k_base for models that tiktoken does not know.

    Text that looks like a special token counts as the text it is. Exact up to 100,000 characters, beyond that to
    a few tokens. Raises ``TokenizerRanksMissing``.
    """
    encoding = _load_encoding(_encoding_name(model))
    starts = range(0, len(text), PIECE_CHARACTERS)
    return sum(len(encoding.encode_ordinary(text[start : start + PIECE_CHARACTERS])) for start in starts)


def bound_tokens_by_bytes(text: str) -> int:
    """Return a number that the tokens of ``text`` cannot exceed in any byte-level vocabulary, without counting."""
    if text.isascii():  # Python knows; writing it down would be one more copy of a long prompt
        return len(text)
    return len(text.encode("utf-8", "replace"))


def is_known(model: str) -> bool:
    """Return whether tiktoken knows the vocabulary of ``model``; for others the newest stands in."""
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
