"""Run the sandbox: ``python -m ai_gateway.sandbox --host 127.0.0.1 --port 8101``."""

import argparse

import uvicorn

from ai_gateway.sandbox.server import app


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m ai_gateway.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101)
    parser.add_argument("--log-level", default="warning", choices=["critical", "error", "warning", "info", "debug"])
    options = parser.parse_args()
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        log_level=options.log_level,
        access_log=options.log_level in ("info", "debug"),
        server_header=False,
        # A request that hangs on purpose must not keep the sandbox from stopping.
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
