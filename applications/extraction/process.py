"""Run the child process and survive whatever it does."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from applications.extraction.errors import Crashed, ExtractionError, OutOfMemory, TimedOut
from applications.extraction.kinds import Kind
from applications.extraction.limits import Limits
from applications.extraction.protocol import Request, decode_answer, encode_request, max_answer_bytes
from applications.extraction.text import ExtractedText

PROJECT = Path(__file__).resolve().parents[2]
# -E and -s: no setting of the caller's environment; -B: the child may write no file.
CHILD_COMMAND: tuple[str, ...] = (sys.executable, "-E", "-s", "-B", "-m", "applications.extraction.child")
READ_BYTES = 64 * 1024


def run_child(descriptor: int, kind: Kind, limits: Limits) -> ExtractedText:
    """Let a child read the document open at `descriptor`; raises ExtractionError, leaves no process behind."""
    deadline = time.monotonic() + limits.wall_seconds
    child = _start(descriptor)
    try:
        request = encode_request(Request(descriptor, kind, limits))
        answer = _exchange(child, request, max_answer_bytes(limits), deadline)
        status = child.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimedOut(detail=f"{limits.wall_seconds:g} s of wall time") from None
    finally:
        _end(child)
    if status != 0:
        raise _error_of_status(status)
    return decode_answer(answer, kind, limits)


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    """Start the child in a session of its own, with nothing but the document open."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        return subprocess.Popen(
            CHILD_COMMAND,
            cwd=PROJECT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise Crashed(detail=f"cannot start a child: {error.strerror}") from error


def _exchange(child: subprocess.Popen[bytes], request: bytes, max_bytes: int, deadline: float) -> bytes:
    """Write the request and read the answer to its end. Raises Crashed (flood) or TimeoutExpired."""
    assert child.stdin
    assert child.stdout
    with suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(request)  # far smaller than a pipe's buffer, so this cannot block
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while len(answer) <= max_bytes:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise subprocess.TimeoutExpired(child.args, 0)
            if selector.select(remaining):
                chunk = os.read(child.stdout.fileno(), READ_BYTES)
                if not chunk:
                    return bytes(answer)
                answer += chunk
    raise Crashed(detail=f"answered with more than {max_bytes} bytes")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the child and of anything it started, and reap it."""
    with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, when only a zombie is left
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout:
        child.stdout.close()


def _error_of_status(status: int) -> ExtractionError:
    """Name what ended the child: a limit of ours, the kernel's memory killer, or a crash."""
    if status == -signal.SIGXCPU:
        return TimedOut(detail="CPU time")
    if status == -signal.SIGKILL:
        return OutOfMemory(detail="killed by the system")
    if status < 0:
        return Crashed(detail=signal.Signals(-status).name)
    return Crashed(detail=f"exit status {status}")
