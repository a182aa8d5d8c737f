"""What is refused of a zip archive before it is unpacked."""

import io
import zipfile

import pytest

from applications.extraction import Corrupt, Encrypted, Limits, UnsupportedType, ZipBomb
from applications.extraction.word.archive import CONTENT_TYPES, check_archive
from tests.applications.extraction.words import DOCUMENT, docx, paragraph, rezip, template

ORDINARY = docx(paragraph("text"))


def test_ordinary_document_passes() -> None:
    check_archive(ORDINARY, Limits())


def test_document_that_unpacks_to_too_much_is_refused() -> None:
    data = rezip(ORDINARY, {DOCUMENT: b" " * 30_000})
    check_archive(data, Limits(max_unpacked_bytes=1_000_000))
    with pytest.raises(ZipBomb, match="bytes unpacked"):
        check_archive(data, Limits(max_unpacked_bytes=40_000))


def test_document_that_unpacks_to_many_times_its_size_is_refused() -> None:
    data = rezip(ORDINARY, {DOCUMENT: b" " * 20_000_000})
    with pytest.raises(ZipBomb, match="times its size"):
        check_archive(data, Limits())


def test_document_of_too_many_entries_is_refused() -> None:
    data = rezip(ORDINARY, {f"word/{index}.xml": b"" for index in range(50)})
    with pytest.raises(ZipBomb, match="entries"):
        check_archive(data, Limits(max_zip_entries=50))


def test_directory_that_understates_a_size_gains_nothing() -> None:
    data = bytearray(rezip(ORDINARY, {DOCUMENT: b" " * 20_000_000}))
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(DOCUMENT.encode()))
    data[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    check_archive(bytes(data), Limits())
    with zipfile.ZipFile(io.BytesIO(data)) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read(DOCUMENT)


@pytest.mark.parametrize("name", ["/etc/cron.d/job", "../../x", "word\\..\\..\\x", "C:/x"])
def test_path_that_leads_out_of_the_archive_is_refused(name: str) -> None:
    with pytest.raises(Corrupt):
        check_archive(rezip(ORDINARY, {name: b""}), Limits())


def test_locked_entry_is_refused_as_locked() -> None:
    data = bytearray(ORDINARY)
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Encrypted):
        check_archive(bytes(data), Limits())


def test_cut_off_archive_is_refused() -> None:
    with pytest.raises(Corrupt):
        check_archive(ORDINARY[:-100], Limits())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"xl/workbook.xml": b""}, "a spreadsheet"),
        ({"ppt/presentation.xml": b""}, "a presentation"),
        ({CONTENT_TYPES: b"<Types>...ms-word.document.macroEnabled.main+xml"}, "with macros"),
    ],
)
def test_other_office_files_are_refused_by_name(parts: dict[str, bytes | str], words: str) -> None:
    with pytest.raises(UnsupportedType, match=words):
        check_archive(rezip(template(), parts), Limits())
