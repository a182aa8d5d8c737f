"""Winnow's site, served by the test process on a free port, as production serves it: ASGI under uvicorn."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.handlers.asgi import ASGIHandler

_TIMEOUT_SECONDS = 20


@contextmanager
def serve_site() -> Iterator[str]:
    """Serve until the block ends, and yield the site's address. No request outlives the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        ASGIStaticFilesHandler(ASGIHandler()), lifespan="off", log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=[[listener]], name="site", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT_SECONDS)
        listener.close()
    if thread.is_alive():
        raise AssertionError("the site did not stop")
