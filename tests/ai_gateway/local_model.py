"""The real, small model, served beside the tests."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from ai_gateway.local_model import is_installed
from config.embedded.ports import PortBook

READY_SECONDS = 60
needs_local_model = pytest.mark.skipif(not is_installed(), reason="needs the local model: make local-model")


@contextmanager
def serve_local_model(folder: Path) -> Iterator[str]:
    """Serve until the block ends, and yield the address for the openai SDK."""
    port = PortBook(folder / "ports.json").port_for("local-model")
    command = [sys.executable, "-m", "ai_gateway.local_model", "--port", str(port)]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as server:
        try:
            _wait_until_ready(server, f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _wait_until_ready(server: "subprocess.Popen[bytes]", address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the local model does not answer")
