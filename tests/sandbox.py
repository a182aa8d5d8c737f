"""Run the sandbox inside the test process, on a free port.

Tests that run side by side share one sandbox and take a key each: faults and requests belong to a key.
"""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import uvicorn

from ai_gateway.sandbox.server import SandboxApp

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that serves on 127.0.0.1."""

    port: int

    @property
    def root_url(self) -> str:
        """Return the address for the anthropic SDK, which adds /v1 itself."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return the address for the openai SDK."""
        return f"{self.root_url}/v1"

    def key(self) -> str:
        """Return an API key that nobody else uses."""
        return f"key-{uuid4().hex}"

    def set_faults(self, key: str, *faults: Mapping[str, Any]) -> None:
        """Queue faults for the next requests with a key."""
        self._ask("POST", "/sandbox/faults", key, {"faults": list(faults)})

    def clear_faults(self, key: str) -> None:
        """Forget the faults of a key that were not consumed."""
        self._ask("DELETE", "/sandbox/faults", key)

    def requests(self, key: str) -> list[dict[str, Any]]:
        """Return what was asked with a key, in order (fields: ``ai_gateway.sandbox.journal.Entry``)."""
        entries: list[dict[str, Any]] = self._ask("GET", "/sandbox/requests", key)["requests"]
        return entries

    def _ask(self, method: str, path: str, key: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Authorization": f"Bearer {key}"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise AssertionError(f"{method} {path}: {response.status} {answer}")
        return answer


@contextmanager
def start_sandbox() -> Iterator[RunningSandbox]:
    """Serve a sandbox of its own until the block ends; requests that hang then are cut."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(SandboxApp(), log_level="error", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # The listener is open before the thread runs: a first request waits instead of failing.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield RunningSandbox(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT_SECONDS)
        listener.close()
    if thread.is_alive():
        raise AssertionError("the sandbox did not stop")
