"""The two JSON documents that pass between a worker and its child process.

The child may have been taken over by the document it read, so its answer is checked like any foreign input.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from applications.extraction.errors import ERROR_CODES, Crashed, ExtractionError
from applications.extraction.kinds import Kind
from applications.extraction.limits import Limits
from applications.extraction.text import ExtractedText

MAX_WORDS_CHARACTERS = 400  # of a message or a detail
FLAGS = ("truncated", "hidden_text_removed", "from_scan")


@dataclass(frozen=True)
class Request:
    """What the child is asked: read the document open at `descriptor`."""

    descriptor: int
    kind: Kind
    limits: Limits


def encode_request(request: Request) -> bytes:
    """Return the request as one line."""
    return json.dumps(asdict(request)).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a request that a worker wrote."""
    data = json.loads(line)
    return Request(data["descriptor"], data["kind"], Limits(**data["limits"]))


def encode_text(text: ExtractedText) -> bytes:
    """Return the answer for a document that was read."""
    flags = {flag: getattr(text, flag) for flag in FLAGS}
    return json.dumps({"pages": text.pages, **flags}, ensure_ascii=False).encode()


def encode_error(error: ExtractionError) -> bytes:
    """Return the answer for a document that was refused."""
    return json.dumps({"code": error.code, "message": error.message, "detail": error.detail}).encode()


def max_answer_bytes(limits: Limits) -> int:
    """Return a size that no honest answer reaches: four bytes per character, and the wrapping."""
    return 4 * limits.max_characters + 8 * limits.max_pages + 64 * 1024


def decode_answer(answer: bytes, kind: Kind, limits: Limits) -> ExtractedText:
    """Return the text in `answer`, or raise the error in it, or Crashed if it is neither."""
    try:
        data = json.loads(answer)
        if "code" in data:
            error = _error(data)
        else:
            return _text(data, kind, limits)
    except (ValueError, TypeError, KeyError, RecursionError) as broken:
        raise Crashed(detail=f"unusable answer: {type(broken).__name__}") from None
    raise error


def _error(data: dict[str, Any]) -> ExtractionError:
    message, detail = (_words(data[key]) for key in ("message", "detail"))
    return ERROR_CODES[data["code"]](message, detail=detail)


def _text(data: dict[str, Any], kind: Kind, limits: Limits) -> ExtractedText:
    pages = tuple(_page(page) for page in data["pages"])
    if len(pages) > limits.max_pages or sum(map(len, pages)) > limits.max_characters:
        raise ValueError("more text than asked for")
    return ExtractedText(pages, kind, **{flag: data[flag] is True for flag in FLAGS})


def _page(page: object) -> str:
    if not isinstance(page, str) or "\0" in page:
        raise TypeError
    page.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    return page


def _words(words: object) -> str:
    if not isinstance(words, str):
        raise TypeError
    return words[:MAX_WORDS_CHARACTERS]
