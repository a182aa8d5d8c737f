"""How hosts on the internet are found and reached: names looked up, sockets, and whose certificates are trusted."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Protocol

_LOOKUPS_AT_ONCE = 32


class Network(Protocol):
    """What a client needs of a network. ``tls`` checks certificates and the names in them."""

    @property
    def tls(self) -> ssl.SSLContext: ...

    async def look_up(self, host: str) -> Sequence[str]:
        """Return every address of a host, which may be an address itself in any form; raises ``OSError``."""
        ...

    def open_socket(self, family: int) -> socket.socket:
        """Return a new TCP socket."""
        ...

    def close(self) -> None:
        """Wait for no lookup any more."""
        ...


class Internet:
    """The network that this machine is on, without any proxy: that would look names up itself.

    Lookups have threads of their own: those that a slow name server keeps waiting hold up nothing else.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The system's authorities; they take a while to read."""
        return ssl.create_default_context()

    async def look_up(self, host: str) -> Sequence[str]:
        """Ask the system's resolver; raises ``OSError``."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)

    def open_socket(self, family: int) -> socket.socket:
        """Return a new TCP socket."""
        return socket.socket(family, socket.SOCK_STREAM)

    def close(self) -> None:
        """Wait for no lookup any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except ValueError as error:  # a label too long or empty, or a character that no name has
        raise OSError("no name of a host") from error
    return list(dict.fromkeys(str(address[0]) for *_rest, address in found))
