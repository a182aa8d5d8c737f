"""The gateway served by the test process on a free port, as production serves it: uvicorn, with its start and end."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from ai_gateway.http.application import GatewayApplication
from tenants.api_keys import KeyRing

_TIMEOUT_SECONDS = 20


@dataclass
class RunningGateway:
    """A gateway that serves on 127.0.0.1, until it is stopped: that waits for the calls that are open."""

    port: int
    server: uvicorn.Server
    thread: threading.Thread
    application: GatewayApplication

    @property
    def root_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(_TIMEOUT_SECONDS)
        assert not self.thread.is_alive(), "the gateway did not stop"


@contextmanager
def serve_gateway(*, graceful_seconds: int | None = None) -> Iterator[RunningGateway]:
    listener = socket.create_server(("127.0.0.1", 0))
    application = GatewayApplication(_answer_beside, KeyRing())
    config = uvicorn.Config(
        application,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=graceful_seconds,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=[[listener]], name="gateway", daemon=True)
    thread.start()
    running = RunningGateway(listener.getsockname()[1], server, thread, application)
    try:
        yield running
    finally:
        running.stop()
        listener.close()


async def _answer_beside(_scope: Mapping[str, object], _receive: object, send: object) -> None:
    """Stand for the site."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"site"})  # type: ignore[operator]
