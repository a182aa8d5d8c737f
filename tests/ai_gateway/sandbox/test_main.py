"""The sandbox as a process of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def ask_health(port: int, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """Ask until the process listens, or has ended, or 20 seconds have passed."""
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            answer: dict[str, str] = json.loads(connection.getresponse().read())
            return answer
        except ConnectionRefusedError:
            continue
        finally:
            connection.close()
    raise AssertionError("the sandbox did not start")


def test_it_starts_without_settings_and_stops_at_sigterm(tmp_path: Path) -> None:
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "TIKTOKEN_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "ai_gateway.sandbox", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        try:
            assert ask_health(port, process)["answers"] == "rules, not AI"
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert errors == b""
    assert process.returncode in (0, -signal.SIGTERM)
