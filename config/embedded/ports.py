"""Ports of the embedded services: free when first chosen, kept from start to start while they stay free."""

import json
import socket
from pathlib import Path


class PortBook:
    """The ports that a data folder's services used last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def port_for(self, name: str) -> int:
        """Return a free port of 127.0.0.1 for the service, last time's if nobody else has taken it."""
        port = self._ports.get(name)
        if port is None or why_not_free(port):
            port = _find_free(avoid=set(self._ports.values()))
            self._ports[name] = port
            self._path.write_text(json.dumps(self._ports))
        return port


def why_not_free(port: int) -> OSError | None:
    """Return what keeps a server from listening on the port of 127.0.0.1 now, or None."""
    with socket.socket() as probe:
        # As servers do: a connection that a stopped server left in TIME_WAIT does not block its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None


def is_open(port: int) -> bool:
    """Tell whether a server answers on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _find_free(avoid: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port
