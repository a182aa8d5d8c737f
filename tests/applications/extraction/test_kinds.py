"""What a file is, told from its content."""

import io
import zipfile

import pytest

from applications.extraction import Encrypted, NoText, TooLarge, UnsupportedType, check_upload, sniff_kind
from applications.extraction.kinds import OLE_MARK
from tests.applications.extraction.words import template


def archive(name: str, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "file_name", "kind"),
    [
        (b"%PDF-1.4 ...", "cv.pdf", "pdf"),
        (b"\r\n\0junk %PDF-1.4", "cv", "pdf"),
        (b"%PDF-1.4 ...", "cv.docx", "pdf"),
        (template(), "cv.docx", "docx"),
        (template(), "cv.pdf", "docx"),
        (b"Jane Doe\r\nEngineer", "cv.txt", "txt"),
        ("张敏".encode("gb18030"), "cv.txt", "txt"),
        ("Jane Doe".encode("utf-16"), "cv.txt", "txt"),
        (b"Jane Doe, engineer since 2011, with one stray NUL\0 in the file", "cv", "txt"),
    ],
)
def test_kind_is_told_from_the_content(head: bytes, file_name: str, kind: str) -> None:
    assert sniff_kind(head, file_name=file_name) == kind


@pytest.mark.parametrize(
    ("head", "file_name", "words"),
    [
        (b"Jane Doe, engineer", "cv.pdf", "is named .pdf but is plain text"),
        (b"Jane Doe, engineer", "CV.DOCX", "is named .docx but is plain text"),
        (b"{\\rtf1 Jane", "cv.rtf", "an RTF document"),
        (b"<!DOCTYPE HTML><p>Jane", "cv.txt", "a web page"),
        (b"\x89PNG\r\n", "cv.png", "a picture"),
        (b"\xff\xd8\xff\xe0", "cv.jpg", "a picture"),
        (OLE_MARK, "cv.doc", "in the old Word format"),
        (archive("mimetype", b"application/vnd.oasis.opendocument.text"), "cv.odt", "OpenDocument"),
        (archive("photo.jpg"), "cv.docx", "not a Word document"),
        (bytes(range(32)) * 8, "cv.txt", "not known here"),
    ],
)
def test_other_content_is_refused_by_its_name(head: bytes, file_name: str, words: str) -> None:
    with pytest.raises(UnsupportedType, match=words) as refusal:
        sniff_kind(head, file_name=file_name)
    assert refusal.value.code == "unsupported_type"
    assert words in refusal.value.message


def test_locked_word_file_is_told_from_an_old_one() -> None:
    with pytest.raises(Encrypted, match="password"):
        sniff_kind(OLE_MARK, file_name="cv.docx")


def test_empty_file_has_no_text() -> None:
    with pytest.raises(NoText):
        sniff_kind(b"", file_name="cv.txt")


def test_upload_above_the_limit_is_refused_whatever_it_is() -> None:
    assert check_upload(size_bytes=10_000_000, head=b"%PDF-1.4", file_name="cv.pdf") == "pdf"
    with pytest.raises(TooLarge, match="larger than 10 MB"):
        check_upload(size_bytes=10_000_001, head=b"%PDF-1.4", file_name="cv.pdf")
