"""Fetch the images that callers name by their address, so that no provider does, without lending callers our place in
the network: only public addresses are connected to, and of what else is there a caller learns nothing.

The host is looked up here, once, and every address found must be public; the connection goes to one of those and to no
other, so that a name that changes in between leads nowhere. Redirects are followed by the same rules. Nothing is sent
but the request: no cookies, no credentials, and no proxy of the environment is asked.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ai_gateway.providers.internet import Network
from ai_gateway.providers.public_addresses import is_public
from ai_gateway.providers.transport import CONNECT_SECONDS

MOST_IMAGES = 20
LARGEST_IMAGE_BYTES = 10 * 1024 * 1024
_MOST_REDIRECTS = 3
_MOST_CHARACTERS = 8192
_FETCHES_AT_ONCE = 64
_FETCHES_AT_ONCE_OF_ONE = 8
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "Accept": "image/png, image/jpeg, image/gif, image/webp",
    "Accept-Encoding": "identity",
    "User-Agent": "Winnow",  # some hosts of pictures refuse requests without one
}
# The longest of the marks below; a whole image is longer.
_MARK_BYTES = 12

Reason = Literal["not_allowed", "unreachable", "too_large", "not_an_image"]


@dataclass
class ImageRefused(Exception):
    """An image cannot be had, or may not; ``message`` says what to do. It tells nothing of addresses inside."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image file, of the type that its first bytes are: PNG, JPEG, GIF or WebP."""

    data: bytes
    media_type: str


class ImageFetcher:
    """One per event loop. No connection is kept, so that no later request goes to an address that was not checked.

    Each owner has a share of what is fetched at the same time: who names servers that do not answer holds up nobody
    else.
    """

    def __init__(self, network: Network, *, allows_http: bool) -> None:
        self._network = network
        self._ports = {"https": 443, "http": 80} if allows_http else {"https": 443}
        self._slots = asyncio.Semaphore(_FETCHES_AT_ONCE)
        self._slots_of_owners: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def fetch(
        self, urls: Sequence[str], *, owner: int, seconds: float, total_bytes: int
    ) -> Mapping[str, FetchedImage]:
        """Return the images by address: each is fetched once, and counts as often as it is named.

        Raises:
            ImageRefused: for the first that cannot be had; the others are given up.
        """
        wanted = Counter(urls)
        if len(wanted) > MOST_IMAGES:
            raise ImageRefused("not_allowed", f"At most {MOST_IMAGES} images of a request can be fetched.")
        allowance = _Allowance(total_bytes)
        slots = self._slots_of_owners.setdefault(owner, asyncio.Semaphore(_FETCHES_AT_ONCE_OF_ONE))
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                tasks = {
                    url: group.create_task(self._fetch(url, slots, _Share(allowance, times)))
                    for url, times in wanted.items()
                }
        except TimeoutError:
            raise ImageRefused("unreachable", f"The images were not there within {seconds:g} seconds.") from None
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {url: task.result() for url, task in tasks.items()}

    def close(self) -> None:
        """Wait for no lookup any more."""
        self._network.close()

    async def _fetch(self, given: str, slots: asyncio.Semaphore, share: "_Share") -> FetchedImage:
        url = self._read_url(given)
        async with slots, self._slots:
            for _request in range(1 + _MOST_REDIRECTS):
                found = await self._ask(url, share)
                if isinstance(found, FetchedImage):
                    return found
                url = self._read_url(found)
        raise ImageRefused("unreachable", f"{_name(url)} was redirected more than {_MOST_REDIRECTS} times.")

    def _read_url(self, given: "str | URL") -> URL:
        """Return an address that may be asked, if its host turns out to be public."""
        try:
            url = URL(given) if len(str(given)) <= _MOST_CHARACTERS else None
        except ValueError:
            url = None
        if url is None or not url.raw_host:
            raise ImageRefused("not_allowed", "The image's address is no URL.")
        if url.scheme not in self._ports:
            raise ImageRefused("not_allowed", f"{_name(url)} must be at an https:// address.")
        if url.port != self._ports[url.scheme]:
            raise ImageRefused("not_allowed", f"{_name(url)} must be at the port {self._ports[url.scheme]}.")
        if "@" in url.raw_authority or url.user is not None:
            raise ImageRefused("not_allowed", f"{_name(url)} must be at an address without a user's name.")
        return url

    async def _look_up(self, url: URL) -> Sequence[str]:
        """Return the host's addresses. A host that is not found and one that is not public are the same to a caller."""
        assert url.raw_host is not None
        try:
            addresses = await self._network.look_up(url.raw_host)
        except OSError:
            addresses = []
        if not addresses or not all(is_public(address) for address in addresses):
            raise ImageRefused("not_allowed", f"{_name(url)} has no public internet address. Send the image in base64.")
        return addresses

    async def _ask(self, url: URL, share: "_Share") -> "FetchedImage | URL":
        """Return the image, or where it is said to be."""
        line = _Line(self._network, await self._look_up(url))
        session = aiohttp.ClientSession(
            connector=line.connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
        )
        try:
            async with session, session.get(url, allow_redirects=False) as response:
                return await _read_answer(url, response, share)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            message = f"{_name(url)} cannot be reached, or breaks off. Send the image in base64."
            raise ImageRefused("unreachable", message) from None
        finally:
            line.hang_up()


class _Line(AbstractResolver):
    """The way to a host at the addresses that were looked up and checked, and to no other."""

    def __init__(self, network: Network, addresses: Sequence[str]) -> None:
        self._network = network
        self._addresses = addresses
        self._sockets: list[socket.socket] = []

    def connector(self) -> aiohttp.TCPConnector:
        """Return what connects the client, for one request."""
        return aiohttp.TCPConnector(
            resolver=self,
            use_dns_cache=False,
            socket_factory=self._open_socket,
            ssl=self._network.tls,
            force_close=True,
        )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses that are known, whatever the host."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""

    def hang_up(self) -> None:
        """Cut what is still connected: for the polite end of TLS a server could let us wait."""
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _open_socket(self, info: Any) -> socket.socket:
        """Open a socket to one of the addresses, and to no other, whatever the client makes of them."""
        family, _type, _protocol, _name, address = info
        if address[0] not in self._addresses:
            raise OSError("an address that was not checked")
        self._sockets.append(self._network.open_socket(family))
        return self._sockets[-1]


class _Allowance:
    """How many bytes the images of one request may still have together."""

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes


@dataclass(frozen=True)
class _Share:
    """One image's part in an allowance: it counts as often as the request names it."""

    allowance: _Allowance
    times: int

    def check(self, url: URL, image_bytes: int) -> None:
        """Raise ``ImageRefused`` for an image that is too large by itself."""
        if image_bytes > LARGEST_IMAGE_BYTES:
            limit = LARGEST_IMAGE_BYTES // (1024 * 1024)
            raise ImageRefused("too_large", f"{_name(url)} has more than {limit} MB. Send a smaller one.")

    def take(self, part_bytes: int) -> None:
        """Count what has come; raises ``ImageRefused``."""
        self.allowance.left_bytes -= part_bytes * self.times
        if self.allowance.left_bytes < 0:
            raise ImageRefused("too_large", "The images of the request are too large together. Send smaller ones.")


async def _read_answer(url: URL, response: aiohttp.ClientResponse, share: _Share) -> FetchedImage | URL:
    location = response.headers.get("Location")
    if response.status in _REDIRECTS and location and len(location) <= _MOST_CHARACTERS:
        return url.join(URL(location))
    if response.status != 200:
        message = f"{_name(url)} cannot be had: its server answers with status {response.status}."
        raise ImageRefused("unreachable", message)
    share.check(url, response.content_length or 0)
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        share.check(url, len(data))
        share.take(len(part))
        if len(data) >= _MARK_BYTES and tell_media_type(data) is None:
            break
    media_type = tell_media_type(data)
    if media_type is None:
        raise ImageRefused("not_an_image", f"{_name(url)} is no PNG, JPEG, GIF or WebP, or is compressed.")
    return FetchedImage(bytes(data), media_type)


def tell_media_type(data: bytes | bytearray) -> str | None:
    """Return what an image file is by its first bytes, or ``None`` where no provider takes it."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _name(url: URL) -> str:
    """Say which image is meant, without the rest of its address: that may let everybody read it."""
    return f"The image at {url.host}"
