"""Look at the zip directory of a DOCX before anything in it is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from applications.extraction.errors import Corrupt, Encrypted, UnsupportedType, ZipBomb
from applications.extraction.limits import Limits

ENCRYPTED_FLAG = 0x1
SMALL_BYTES = 5_000_000  # unpacked; below this no ratio is suspicious
CONTENT_TYPES = "[Content_Types].xml"
WORD_DOCUMENT = b"wordprocessingml.document.main+xml"
# What else is zipped and has [Content_Types].xml, by the folder of its main part.
OTHER_OFFICE_FILES = {"xl": "a spreadsheet", "ppt": "a presentation", "visio": "a drawing"}


def check_archive(data: bytes, limits: Limits) -> None:
    """Raise ZipBomb, Encrypted, Corrupt or UnsupportedType for what should not be opened as DOCX.

    The sizes that the directory states bound what Python's zipfile unpacks: it stops at them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_directory(archive.infolist(), len(data), limits)
            _check_content_types(archive)
    except zipfile.BadZipFile as error:
        raise Corrupt(detail="BadZipFile") from error


def _check_directory(entries: list[zipfile.ZipInfo], packed_bytes: int, limits: Limits) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > limits.max_zip_entries:
        raise ZipBomb(detail=f"{len(entries)} entries")
    if unpacked > limits.max_unpacked_bytes:
        raise ZipBomb(detail=f"{unpacked} bytes unpacked")
    if unpacked > max(SMALL_BYTES, packed_bytes * limits.max_unpacked_ratio):
        raise ZipBomb(detail=f"unpacks to {unpacked // packed_bytes} times its size")
    if any(entry.flag_bits & ENCRYPTED_FLAG for entry in entries):
        raise Encrypted
    if any(_leads_out(entry.filename) for entry in entries):
        raise Corrupt(detail="an entry's path leads out of the archive")


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name


def _check_content_types(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    for folder, found in OTHER_OFFICE_FILES.items():
        if any(name.startswith(f"{folder}/") for name in names):
            raise UnsupportedType.because(found)
    if CONTENT_TYPES not in names:
        raise UnsupportedType.because("a zip archive and not a Word document")
    if WORD_DOCUMENT not in archive.read(CONTENT_TYPES):
        raise UnsupportedType.because("a Word template, or a Word document with macros")
