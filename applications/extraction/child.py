"""The confined child process: `python -m applications.extraction.child`.

Reads one request line from standard input, the document from the descriptor it names, and writes one answer
to standard output. Imports nothing of Django; the parsers are imported after the process has confined itself.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable

from applications.extraction.confinement import confine
from applications.extraction.errors import Corrupt, ExtractionError, OutOfMemory
from applications.extraction.kinds import Kind
from applications.extraction.limits import Limits
from applications.extraction.protocol import Request, decode_request, encode_error, encode_text
from applications.extraction.text import ExtractedText

MAX_REQUEST_BYTES = 4096
Reader = Callable[[bytes, Limits], ExtractedText]


def main() -> None:
    """Answer one request."""
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a library's prints are not an answer
    logging.disable()  # parsers log every oddity of a document, at length
    request = decode_request(sys.stdin.buffer.readline(MAX_REQUEST_BYTES))
    confine(request.limits)
    answer = _answer(request)
    while answer:
        answer = answer[os.write(answer_to, answer) :]


def _answer(request: Request) -> bytes:
    read = _import_reader(request.kind)
    with open(request.descriptor, "rb") as document:
        data = document.read(request.limits.max_bytes + 1)
    without_memory = encode_error(OutOfMemory(detail="address space"))  # made while there is some
    try:
        return encode_text(read(data, request.limits))
    except ExtractionError as error:
        return encode_error(error)
    except MemoryError:
        return without_memory
    except Exception as error:  # parsers raise nearly anything over a malformed document
        return encode_error(Corrupt(detail=_place(error)))


def _import_reader(kind: Kind) -> Reader:
    if kind == "pdf":
        from applications.extraction.pdf import read_pdf

        return read_pdf
    if kind == "docx":
        from applications.extraction.word import read_docx

        return read_docx
    from applications.extraction.plain_text import read_txt

    return read_txt


def _place(error: Exception) -> str:
    """Say which exception came from where, without its message: that may quote the document."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{type(error).__name__} in {frame.f_globals.get('__name__')}:{line}"


if __name__ == "__main__":
    main()
