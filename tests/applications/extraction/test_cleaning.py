"""Text fit for PostgreSQL and for a reader."""

import pytest

from applications.extraction.cleaning import clean_pages, clean_text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("NUL\0 and es\x1bcape", "NUL and escape"),
        ("o\ufb03cial of\ufb01ce", "official office"),
        ("Mu\u0308nchen", "München"),
        ("\u2f42\u4ef6", "文件"),
        ("left\u202egnp.exe\u202c right", "leftgnp.exe right"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\u200c\u200db", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("tags\U000e0069\U000e0067n", "tagsn"),
        ("select\ufe0f\U000e0101or", "selector"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("\uf0b7 Word's bullet", "• Word's bullet"),
        ("\uf0e0 icon", "icon"),
        ("hard\u00a0space\u2009thin\tand tab", "hard space thin and tab"),
        ("  one \r\ntwo\rthree\x0c\n\n\n\nfour ", "one\ntwo\nthree\n\nfour"),
        ("１２３ ㎡ x²", "１２３ ㎡ x²"),
    ],
)
def test_text_keeps_what_is_seen(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_pages_are_cut_at_the_limit_and_no_more_are_asked_for() -> None:
    asked = iter(["abc", "defgh", "never read"])
    assert clean_pages(asked, 5) == (("abc", "de"), True)
    assert next(asked) == "never read"


def test_pages_of_exactly_the_limit_are_not_cut() -> None:
    assert clean_pages(["abc", "de", " \n"], 5) == (("abc", "de", ""), False)
