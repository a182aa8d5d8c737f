"""Serve an ASGI application on one core: ``python -m benchmarks.http_serve MODULE:NAME PORT CORE``.

With ``BENCH_PROFILE`` set to a path, the application's process is profiled into it, which costs much of its speed.
"""

import cProfile
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class Server(uvicorn.Server):
    """A server that ends its process in order when it is told to stop: a profile is written after that."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM, and leave it at that."""
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield


def main() -> None:
    """Serve until told to stop."""
    application, port, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    Server(config).run()


if __name__ == "__main__":
    profile = os.environ.get("BENCH_PROFILE")
    if profile and "bare" not in sys.argv[1]:
        cProfile.run("main()", profile)
    else:
        main()
