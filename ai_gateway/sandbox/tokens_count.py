"""Count tokens with tiktoken's o200k_base, without ever asking the network."""

import codecs
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tiktoken

from ai_gateway.tokenizer_ranks import install_ranks

ENCODING = "o200k_base"
_PROJECT = Path(__file__).resolve().parents[2]
# tiktoken's pattern matcher panics on runs of about a million blanks.
_PIECE_CHARACTERS = 100_000


def count_tokens(text: str) -> int:
    """Return how many tokens a text has; marks such as <|endoftext|> count as the text that they are."""
    return len(_encode(text))


def cut_to_tokens(text: str, limit: int) -> str:
    """Return the beginning of a text that has at most ``limit`` tokens, without broken characters at its end."""
    tokens = _encode(text)
    if len(tokens) <= limit:
        return text
    return _encoding().decode_bytes(tokens[:limit]).decode("utf-8", errors="ignore")


def split_by_tokens(text: str, size: int) -> Iterator[tuple[str, int]]:
    """Yield a text in pieces of up to ``size`` tokens, each with its number of tokens."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    tokens = _encode(text)
    for start in range(0, len(tokens), size):
        piece = tokens[start : start + size]
        yield decode(_encoding().decode_bytes(piece)), len(piece)


def _encode(text: str) -> list[int]:
    starts = range(0, len(text), _PIECE_CHARACTERS)
    pieces = (_encoding().encode_ordinary(text[start : start + _PIECE_CHARACTERS]) for start in starts)
    return [token for piece in pieces for token in piece]


@cache
def _encoding() -> tiktoken.Encoding:
    """Load the vocabulary from the folder of the settings' TIKTOKEN_CACHE_DIR, which this process may not have."""
    given = os.environ.get("TIKTOKEN_CACHE_DIR")
    folder = Path(given) if given else Path(os.environ.get("WINNOW_DATA") or _PROJECT / ".winnow") / "tiktoken"
    install_ranks(folder)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)  # the only way to tell tiktoken
    return tiktoken.get_encoding(ENCODING)
