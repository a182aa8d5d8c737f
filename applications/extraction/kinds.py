"""What a file is, told from its first bytes. The name is only asked whether it contradicts the content."""

from __future__ import annotations

import struct
from pathlib import PurePath
from typing import Literal

from applications.extraction.errors import Encrypted, NoText, UnsupportedType

Kind = Literal["pdf", "docx", "txt"]

HEAD_BYTES = 8192
PDF_MARK_WITHIN_BYTES = 1024  # readers accept a PDF that starts this late
ZIP_MARK = b"PK\x03\x04"
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
MAX_CONTROL_SHARE = 0.02

WORD_ENTRIES = ("[Content_Types].xml", "_rels/", "docProps/", "customXml/", "word/")
NOT_TEXT_NAMES = (".pdf", ".docx", ".doc", ".odt", ".pages")
# Other formats that applicants do upload, by their first bytes.
FOUND_BY_MARK = (
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"II*\x00", "a picture"),
    (b"MM\x00*", "a picture"),
    (b"\x00\x00\x00\x18ftyp", "a picture or a film"),
    (b"RIFF", "a picture or a recording"),
    (b"%!PS", "a PostScript file"),
    (b"\x1f\x8b", "a packed archive"),
    (b"7z\xbc\xaf", "a packed archive"),
    (b"Rar!", "a packed archive"),
)


def sniff_kind(head: bytes, *, file_name: str) -> Kind:
    """Return the kind of the file whose first HEAD_BYTES are `head`.

    Raises UnsupportedType, Encrypted (a locked Word file) or NoText (nothing in it).
    """
    head = head[:HEAD_BYTES]
    if not head:
        raise NoText
    if b"%PDF-" in head[:PDF_MARK_WITHIN_BYTES]:
        return "pdf"
    if head.startswith(ZIP_MARK):
        return _sniff_zip(head)
    if head.startswith(OLE_MARK):
        raise _ole_error(file_name)
    for mark, found in FOUND_BY_MARK:
        if head.startswith(mark):
            raise UnsupportedType.because(found)
    return _sniff_text(head, file_name)


def _sniff_zip(head: bytes) -> Kind:
    """Tell DOCX from other zipped formats by the name of the first entry; the reader checks the rest."""
    (name_length,) = struct.unpack_from("<H", head.ljust(30, b"\0"), 26)
    first_entry = head[30 : 30 + name_length].decode("utf-8", "replace")
    if first_entry.startswith(WORD_ENTRIES):
        return "docx"
    if first_entry == "mimetype" and b"opendocument.text" in head[:200]:
        raise UnsupportedType.because("an OpenDocument (ODT) file")
    raise UnsupportedType.because("a zip archive or another zipped format, and not a Word document")


def _ole_error(file_name: str) -> Encrypted | UnsupportedType:
    """Tell a locked DOCX from a document of Word 97: the first is only ever named .docx."""
    if _suffix(file_name) == ".docx":
        return Encrypted()
    return UnsupportedType.because("in the old Word format (.doc)")


def _sniff_text(head: bytes, file_name: str) -> Kind:
    if not _looks_like_text(head):
        raise UnsupportedType.because("in a format that is not known here")
    start = head.lstrip(b"\xef\xbb\xbf\r\n\t ")[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise UnsupportedType.because("a web page (HTML)")
    suffix = _suffix(file_name)
    if suffix in NOT_TEXT_NAMES:
        raise UnsupportedType(
            f"This file is named {suffix} but is plain text inside, so it is probably not the CV you meant. "
            "Please export the CV as PDF or DOCX, or name the text file .txt, and upload it again."
        )
    return "txt"


def _looks_like_text(head: bytes) -> bool:
    if head.startswith(BYTE_ORDER_MARKS):
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r" for byte in head)
    return controls <= len(head) * MAX_CONTROL_SHARE


def _suffix(file_name: str) -> str:
    return PurePath(file_name).suffix.lower()
