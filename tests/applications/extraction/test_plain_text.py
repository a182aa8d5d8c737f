"""Plain text in the encodings that editors save."""

import pytest

from applications.extraction import Limits, NoText
from applications.extraction.plain_text import decode_text, read_txt

GERMAN = "Jürgen Weiß, Größe des Teams: 12 – „sehr gut“, 40 000 €"
POLISH = "Zażółć gęślą jaźń, Łódź, doświadczenie w obsłudze klientów"
RUSSIAN = "Инженер-программист из Санкт-Петербурга, опыт работы семь лет, английский язык"
CHINESE = "七年后端开发经验，熟悉数据库设计与维护，负责交易系统"
JAPANESE = "バックエンドの開発を十年経験しました。データベース設計が得意です。"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "cp1252"),
        ("Añadí señales; ¿cuántos años? Diseño, García", "cp1252"),
        ("Chargé d'études à Nîmes, très motivé", "cp1252"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (RUSSIAN, "cp1251"),
        (CHINESE, "gb18030"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
    ],
)
def test_encoding_is_recognised(text: str, encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    assert decode_text(mark + text.encode(encoding)) == text


def test_one_bad_byte_costs_one_character() -> None:
    data = GERMAN.encode()
    assert decode_text(data + b"\xff") == GERMAN + "\ufffd"


def test_long_text_is_cut() -> None:
    assert read_txt(b"a" * 300, Limits(max_characters=200)).pages == ("a" * 200,)
    assert read_txt(b"a" * 300, Limits(max_characters=200)).truncated is True
    assert read_txt(b"a" * 200, Limits(max_characters=200)).truncated is False


def test_text_without_letters_is_refused() -> None:
    with pytest.raises(NoText):
        read_txt(b" \r\n\0 --- \r\n", Limits())
