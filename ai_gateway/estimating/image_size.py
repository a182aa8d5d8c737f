"""Read an image's size from the first bytes of its file."""

from collections.abc import Callable
from struct import error as StructError
from struct import unpack_from
from typing import NamedTuple

# JPEG markers that begin a frame and so carry its size: all of C0–CF but tables (C4), extensions (C8) and
# arithmetic coding (CC).
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: fill bytes and the restart marks.
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})


class ImageSize(NamedTuple):
    """Width and height in pixels, as the file's header declares them."""

    width: int
    height: int


def read_image_size(data: bytes) -> ImageSize | None:
    """Return the size of a PNG, JPEG, GIF or WebP, or ``None`` where the header cannot be read."""
    try:
        size = next((read(data) for marks, read in _READERS if data.startswith(marks)), None)
    except StructError:
        return None
    return size if size and size.width > 0 and size.height > 0 else None


def _read_png(data: bytes) -> ImageSize | None:
    return ImageSize(*unpack_from(">II", data, 16)) if data[12:16] == b"IHDR" else None


def _read_gif(data: bytes) -> ImageSize | None:
    """Return the size of the canvas; no frame may exceed it."""
    return ImageSize(*unpack_from("<HH", data, 6))


def _read_webp(data: bytes) -> ImageSize | None:
    match data[8:16]:
        case b"WEBPVP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return ImageSize(width + 1, height + 1) if len(data) >= 30 else None
        case b"WEBPVP8L":
            (bits,) = unpack_from("<I", data, 21)
            return ImageSize((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"WEBPVP8 ":
            width, height = unpack_from("<HH", data, 26)
            return ImageSize(width & 0x3FFF, height & 0x3FFF)
    return None


def _read_jpeg(data: bytes) -> ImageSize | None:
    """Walk from marker to marker to the first frame."""
    at = 2
    while data[at : at + 1] == b"\xff":
        (marker,) = unpack_from("B", data, at + 1)
        if marker in _FRAME_MARKERS:
            height, width = unpack_from(">HH", data, at + 5)
            return ImageSize(width, height)
        if marker == 0xFF:
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            (length,) = unpack_from(">H", data, at + 2)
            at += 2 + length
    return None


_READERS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], ImageSize | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _read_png),
    (b"\xff\xd8", _read_jpeg),
    ((b"GIF87a", b"GIF89a"), _read_gif),
    (b"RIFF", _read_webp),
)
