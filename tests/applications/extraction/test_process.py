"""The worker survives whatever its child process does."""

from __future__ import annotations

import json
import os
import select
import sys
import time
import zlib
from pathlib import Path

import pytest

from applications.extraction import (
    Corrupt,
    Crashed,
    ExtractedText,
    ExtractionError,
    Limits,
    OutOfMemory,
    TimedOut,
    extract_text,
    process,
)
from tests.applications.extraction.pdfs import CATALOG, LINE, LINE_OPERATORS, form, page_pdf, raw_pdf
from tests.applications.extraction.words import docx, paragraph

ANSWER = {"pages": ["text"], "truncated": False, "hidden_text_removed": False, "from_scan": False}


@pytest.fixture
def cv(tmp_path: Path) -> Path:
    path = tmp_path / "cv.pdf"
    path.write_bytes(page_pdf(LINE_OPERATORS))
    return path


def read_with_child(code: str, cv: Path, monkeypatch: pytest.MonkeyPatch, **limits: float) -> ExtractedText:
    """Extract with a child that runs `code` instead of the reader."""
    monkeypatch.setattr(process, "CHILD_COMMAND", (sys.executable, "-c", f"import json, os, signal, sys, time\n{code}"))
    return extract_text(cv, file_name="cv.pdf", limits=Limits(**limits))  # type: ignore[arg-type]


def test_text_comes_back_from_the_real_child(cv: Path) -> None:
    assert extract_text(cv, file_name="cv.pdf") == ExtractedText((LINE,), "pdf")


def test_endless_child_is_stopped_in_time(cv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut, match="wall time") as stopped:
        read_with_child("while True: time.sleep(60)", cv, monkeypatch, wall_seconds=0.3)
    assert time.monotonic() - started < 5
    assert stopped.value.is_transient is True


def test_child_that_has_answered_but_does_not_end_is_stopped(cv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"os.write(1, {json.dumps(ANSWER).encode()!r}); os.close(1); time.sleep(60)"
    with pytest.raises(TimedOut):
        read_with_child(code, cv, monkeypatch, wall_seconds=0.5)


def test_endless_output_is_stopped(cv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Crashed, match="answered with more than"):
        read_with_child("while True: os.write(1, b'[' * 65536)", cv, monkeypatch)


@pytest.mark.parametrize(
    ("code", "error", "detail"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", Crashed, "SIGSEGV"),
        ("os.abort()", Crashed, "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", OutOfMemory, "killed by the system"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", TimedOut, "CPU time"),
        ("sys.exit(3)", Crashed, "exit status 3"),
        ("pass", Crashed, "unusable answer: JSONDecodeError"),
        ("os.close(0); print('{}')", Crashed, "unusable answer: KeyError"),
    ],
)
def test_end_of_the_child_is_named(
    code: str, error: type[ExtractionError], detail: str, cv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(error) as raised:
        read_with_child(code, cv, monkeypatch)
    assert raised.value.detail == detail


def test_child_that_cannot_be_started_counts_as_a_crash(cv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "CHILD_COMMAND", (str(cv),))
    with pytest.raises(Crashed, match="cannot start a child: Permission denied"):
        extract_text(cv, file_name="cv.pdf")


def test_what_the_child_started_is_killed_with_it(cv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    code = f"os.fork() or (os.write(os.open({str(fifo)!r}, os.O_WRONLY), b'x'), time.sleep(60))\ntime.sleep(60)"
    with pytest.raises(TimedOut):
        read_with_child(code, cv, monkeypatch, wall_seconds=0.5)
    assert os.read(reader, 1) == b"x"
    assert select.select([reader], [], [], 10)[0] == [reader]
    assert os.read(reader, 1) == b""  # its last writer is gone
    os.close(reader)


def test_child_sees_neither_environment_nor_other_files(cv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very-secret")
    secret = os.open(cv, os.O_RDONLY)
    os.set_inheritable(secret, True)
    code = (
        "request = json.loads(sys.stdin.readline())\n"
        "is_open = lambda number: os.path.exists(f'/dev/fd/{number}')\n"
        f"seen = [sorted(os.environ), is_open(request['descriptor']), is_open({secret}), os.getsid(0) == os.getpid()]\n"
        f"print(json.dumps({{**{ANSWER!r}, 'pages': [repr(seen)]}}))"
    )
    seen = read_with_child(code, cv, monkeypatch).full_text
    os.close(secret)
    assert seen in ("[['LC_CTYPE'], True, False, True]", "[[], True, False, True]")


def hungry_pdf() -> bytes:
    """Return 300 kB that unpack to 300 MB of content stream."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * 1_000_000) for _ in range(300)) + packer.flush()
    content = b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(packed), packed)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>"
    return raw_pdf([CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content])


def test_document_that_needs_too_much_memory_is_stopped(cv: Path) -> None:
    cv.write_bytes(hungry_pdf())
    with pytest.raises(OutOfMemory, match="address space"):
        extract_text(cv, file_name="cv.pdf", limits=Limits(memory_bytes=256 * 1024 * 1024))


def test_document_that_needs_too_much_time_is_stopped_by_its_cpu_limit(cv: Path) -> None:
    doubling = [form(b"/X Do /X Do", b"/XObject<</X %d 0 R>>" % (number + 1)) for number in range(6, 36)]
    cv.write_bytes(page_pdf(b"/X Do", resources=b"/XObject<</X 6 0 R>>", more=[*doubling, form(b"")]))
    with pytest.raises(TimedOut, match="CPU time"):
        extract_text(cv, file_name="cv.pdf", limits=Limits(cpu_seconds=1))


def test_deeply_nested_objects_are_survived(cv: Path) -> None:
    nested = page_pdf(LINE_OPERATORS, more=[b"[" * 100_000 + b"]" * 100_000])
    cv.write_bytes(nested.replace(b"/MediaBox[0 0 595 842]", b"/MediaBox 6 0 R"))
    assert extract_text(cv, file_name="cv.pdf").pages == (LINE,)


def test_deep_page_tree_is_corrupt(cv: Path) -> None:
    tree = [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % number for number in range(3, 3000)]
    cv.write_bytes(raw_pdf([CATALOG, *tree, b"<</Type/Page>>"]))
    with pytest.raises(Corrupt, match="RecursionError"):
        extract_text(cv, file_name="cv.pdf")


def test_entities_that_multiply_are_corrupt(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    prolog = f'<!DOCTYPE d [<!ENTITY e0 "lol">{entities}]>'
    path = tmp_path / "cv.docx"
    path.write_bytes(docx(paragraph("&e9;"), prolog=prolog))
    with pytest.raises(Corrupt, match="XMLSyntaxError"):
        extract_text(path, file_name="cv.docx")


def test_detail_never_quotes_the_document(cv: Path) -> None:
    cv.write_bytes(page_pdf(LINE_OPERATORS).replace(b"/Subtype/Type1", b"/Subtype/Type0"))
    with pytest.raises(Corrupt) as raised:
        extract_text(cv, file_name="cv.pdf")
    assert raised.value.detail.startswith("KeyError in pdfminer.pdfinterp:")
