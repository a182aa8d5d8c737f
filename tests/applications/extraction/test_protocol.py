"""The child's answer is checked like any foreign input."""

import json

import pytest

from applications.extraction import Crashed, Encrypted, ExtractedText, Limits
from applications.extraction.errors import ERROR_CODES
from applications.extraction.protocol import (
    Request,
    decode_answer,
    decode_request,
    encode_error,
    encode_request,
    encode_text,
    max_answer_bytes,
)

LIMITS = Limits(max_pages=2, max_characters=10)


def test_request_survives_the_way() -> None:
    request = Request(7, "pdf", LIMITS)
    assert decode_request(encode_request(request)) == request


def test_text_survives_the_way() -> None:
    text = ExtractedText(("é\n", "二"), "pdf", truncated=True, hidden_text_removed=True, from_scan=True)
    assert decode_answer(encode_text(text), "pdf", LIMITS) == text


def test_error_survives_the_way() -> None:
    with pytest.raises(Encrypted) as raised:
        decode_answer(encode_error(Encrypted("words", detail="where")), "pdf", LIMITS)
    assert (raised.value.message, raised.value.detail) == ("words", "where")


def test_longest_honest_answer_is_below_the_bound() -> None:
    text = ExtractedText(("\U0001f600" * 5, '\n"\n"\n'), "pdf")
    assert len(encode_text(text)) < max_answer_bytes(LIMITS)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"\xff",
        b"[]",
        b"3",
        b"[" * 100_000,
        b'{"pages": "abc"',
        json.dumps({"pages": [1]}).encode(),
        json.dumps({"pages": ["a"]}).encode(),
        json.dumps({"pages": ["a", "b", "c"], "truncated": False}).encode(),
        b'{"pages": ["12345678901"], "truncated": false, "hidden_text_removed": false, "from_scan": false}',
        b'{"pages": ["\\u0000"], "truncated": false, "hidden_text_removed": false, "from_scan": false}',
        b'{"pages": ["\\ud800"], "truncated": false, "hidden_text_removed": false, "from_scan": false}',
        b'{"code": "unheard_of", "message": "", "detail": ""}',
        b'{"code": "corrupt", "message": 3, "detail": ""}',
    ],
)
def test_unusable_answer_counts_as_a_crash(answer: bytes) -> None:
    with pytest.raises(Crashed, match="unusable answer"):
        decode_answer(answer, "pdf", LIMITS)


def test_every_error_says_what_to_do() -> None:
    assert len(ERROR_CODES) == 10
    for code, error in ERROR_CODES.items():
        assert error.code == code
        assert "Please" in error().message
