"""Counting offline, with tiktoken itself."""

from pathlib import Path

import pytest
import tiktoken
import tiktoken.load
import tiktoken.registry

from ai_gateway.sandbox import tokens_count
from ai_gateway.sandbox.tokens_count import count_tokens, cut_to_tokens, split_by_tokens

TEXT = "Zażółć gęślą jaźń, 面接 and 👩🏽‍💻 at Œuvre & Söhne."


def test_tokens_are_those_of_tiktoken() -> None:
    assert count_tokens("Hello, world") == 3
    assert count_tokens(TEXT) == len(tiktoken.get_encoding("o200k_base").encode(TEXT))


def test_special_marks_count_as_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_a_cut_text_keeps_whole_characters_and_the_limit() -> None:
    for limit in range(count_tokens(TEXT) + 2):
        cut = cut_to_tokens(TEXT, limit)
        assert TEXT.startswith(cut)
        assert count_tokens(cut) <= limit


def test_pieces_make_up_the_text_and_its_tokens() -> None:
    pieces = list(split_by_tokens(TEXT, 3))
    assert "".join(text for text, _ in pieces) == TEXT
    assert sum(tokens for _, tokens in pieces) == count_tokens(TEXT)
    assert {tokens for _, tokens in pieces[:-1]} == {3}


def test_a_text_that_tiktoken_itself_cannot_take_is_counted() -> None:
    assert count_tokens(" " * 1_200_000) > 1000


def test_ranks_are_unpacked_and_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("tiktoken asked the network")

    monkeypatch.setattr(tiktoken.load, "read_file", refuse)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "new"))
    assert tokens_count._encoding.__wrapped__().encode("Hello") == [13225]
    assert len(list((tmp_path / "new").iterdir())) >= 1
