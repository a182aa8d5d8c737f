"""How many tokens a PDF will be: providers read the text of each page and look at a picture of it."""

import re
import zlib
from collections.abc import Iterator
from itertools import chain

from ai_gateway.estimating.images import bound_image_tokens
from ai_gateway.providers.types import ProviderKind

# "1,500 to 3,000 tokens of text per page" (Anthropic, "PDF support"); OpenAI reads the same text.
_TEXT_TOKENS_PER_PAGE = 3_000

_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PAGE_TREE_COUNT = re.compile(rb"/Count\s+(\d{1,6})")
# A stream of packed objects; its dictionary is short, and may name its keys in any order.
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm.{0,400}?stream\r?\n", re.DOTALL)
_MOST_UNPACKED_BYTES = 4_000_000


def estimate_pdf_tokens(data: bytes, *, model: str, kind: ProviderKind) -> int:
    """Return an upper bound of the input tokens of a PDF file, by its pages.

    A page of more than 3,000 tokens of text, which only very small type reaches, exceeds it.
    """
    picture = bound_image_tokens(model=model, kind=kind, detail="high")  # a page has the size of a screen
    return count_pdf_pages(data) * (_TEXT_TOKENS_PER_PAGE + picture)


def count_pdf_pages(data: bytes) -> int:
    """Return at least the number of pages, without reading the file's structure; 1 where nothing tells.

    Pages that a later version of the file replaced are counted again. An encrypted file may hide its pages; no
    provider reads one.
    """
    pages = counted = 0
    for part in chain([data], _unpack_objects(data)):
        pages += sum(1 for _ in _PAGE.finditer(part))
        counted = max([counted, *(int(count) for count in _PAGE_TREE_COUNT.findall(part))])
    return max(pages, counted, 1)


def _unpack_objects(data: bytes) -> Iterator[bytes]:
    """Yield what the file's compressed object streams hold, up to 4 MB in all."""
    left = _MOST_UNPACKED_BYTES
    for start in _OBJECT_STREAM.finditer(data):
        if left <= 0:
            return
        try:
            unpacked = zlib.decompressobj().decompress(data[start.end() : start.end() + left], left)
        except zlib.error:
            continue
        left -= len(unpacked)
        yield unpacked
