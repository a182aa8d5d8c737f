"""Plain text in whatever encoding it was saved."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

from applications.extraction.cleaning import clean_pages, count_letters
from applications.extraction.errors import NoText
from applications.extraction.limits import Limits
from applications.extraction.text import ExtractedText

# UTF-32 first: its mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
DETECTED_BYTES = 64 * 1024
BROKEN = "\ufffd"
PUNCTUATION = "–—‘’“”„•…€°§«»"
WESTERN = "äöüßéèêëàâçñóíáúîïôûùœæøåìòãõÄÖÜÉÈÀÇÑÁÍÓÚØÅÆŒ¿¡ºª" + PUNCTUATION
CENTRAL = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüßőűÖÜŐŰăâîșțşţĂÂÎŞŢđĐ" + PUNCTUATION
TURKISH = "ğışçöüâîûĞİŞÇÖÜ" + PUNCTUATION
# In the order in which a tie is decided.
LATIN_ENCODINGS = (
    ("cp1252", WESTERN),
    ("cp1250", CENTRAL),
    ("cp1254", TURKISH),
    ("iso8859_2", CENTRAL),
)
OTHER_SCRIPTS = (
    "gb18030", "gbk", "gb2312", "big5", "big5hkscs", "cp950", "cp932", "shift_jis", "shift_jis_2004", "shift_jisx0213",
    "euc_jp", "euc_jis_2004", "euc_jisx0213", "cp949", "euc_kr", "johab", "cp1251", "koi8_r", "koi8_u",
    "mac_cyrillic", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "iso8859_8", "cp1256", "iso8859_6", "cp874",
)  # fmt: skip


def read_txt(data: bytes, limits: Limits) -> ExtractedText:
    """Return the text as one page. Raises NoText."""
    pages, truncated = clean_pages([decode_text(data)], limits.max_characters)
    if not count_letters(pages):
        raise NoText
    return ExtractedText(pages, "txt", truncated=truncated)


def decode_text(data: bytes) -> str:
    """Decode by byte order mark, else as UTF-8, else by the encoding whose letters make most sense."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    text = data.decode("utf-8", "replace")
    beyond_ascii, broken = sum(character > "\x7f" for character in text), text.count(BROKEN)
    if broken * 2 <= beyond_ascii - broken:  # one bad byte is no reason to read all others wrongly
        return text
    return data.decode(_detect_encoding(data), "replace")


def _detect_encoding(data: bytes) -> str:
    """Name a legacy encoding: the detector tells scripts apart, but mixes up the Latin code pages."""
    if len(data) > DETECTED_BYTES:
        data = data[:DETECTED_BYTES].rpartition(b"\n")[0] or data[:DETECTED_BYTES]  # not in the middle of a letter
    best = from_bytes(data).best()
    if best is not None and best.encoding in OTHER_SCRIPTS:
        return best.encoding
    high = bytes(byte for byte in data if byte >= 0x80)
    return max(LATIN_ENCODINGS, key=lambda candidate: _count_known(high, *candidate))[0]


def _count_known(high: bytes, encoding: str, known: str) -> int:
    return sum(character in known for character in high.decode(encoding, "replace"))
