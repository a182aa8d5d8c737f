"""Requests to providers without blocking and without an SDK: a caller's bytes out, the provider's bytes in.

An SDK would parse and write anew what is only passed on, at many times the cost of the bytes.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson
from yarl import URL

from ai_gateway.providers.addresses import DEFAULT_ADDRESSES, is_loopback
from ai_gateway.providers.errors import (
    ProviderError,
    ProviderGarbledAnswer,
    ProviderRejectedRequest,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.providers.failures import classify_response
from ai_gateway.providers.registry import ProviderAccount
from ai_gateway.providers.transport import CONNECT_SECONDS, LARGEST_ANSWER_BYTES

DEFAULT_ANTHROPIC_VERSION = "2023-06-01"
_LARGEST_ERROR_BYTES = 1_000_000
_LARGEST_PLAIN_BYTES = 1_000_000  # beyond, the client wants a file, so that sending does not hold up the loop
# Local servers (uvicorn's, llama.cpp's) close idle connections after 5 s, and a request sent just then is lost.
_IDLE_SECONDS = {"http": 4.0, "https": 30.0}


@dataclass(frozen=True)
class TimeLimits:
    """Of one request: ``total`` from its start to the answer's last byte, ``silence`` between two reads."""

    total_seconds: float
    silence_seconds: float

    @cached_property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The client's form of them. A limit of the silence that the total implies would only cost its timers."""
        silence = self.silence_seconds if self.silence_seconds < self.total_seconds else None
        return aiohttp.ClientTimeout(total=self.total_seconds, sock_connect=CONNECT_SECONDS, sock_read=silence)


class Upstream:
    """One provider, reached from one event loop; connections are kept and shared."""

    def __init__(self, account: ProviderAccount) -> None:
        address = (account.base_url or DEFAULT_ADDRESSES[account.kind]).rstrip("/")
        if account.kind == "anthropic":  # people copy its address with and without the version
            address = address.removesuffix("/v1") + "/v1"
        self.account = account
        self._address = address
        self._urls: dict[str, URL] = {}
        self._proxy = _find_proxy(address)
        self._session = aiohttp.ClientSession(
            # As many connections as there are calls: who may call how often is decided before.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS[urlsplit(address).scheme]),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            skip_auto_headers=("User-Agent",),
        )

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], limits: TimeLimits) -> "UpstreamAnswer":
        """Send ``body`` to the endpoint ``path`` and return the answer once it has begun, to be closed by the caller.

        Raises ``ProviderError`` when there is no answer or the provider sends an error.
        """
        url = self._urls.get(path) or self._urls.setdefault(path, URL(f"{self._address}/{path}"))
        try:
            response = await self._session.post(
                url,
                data=body if len(body) < _LARGEST_PLAIN_BYTES else io.BytesIO(body),
                headers={**self._own_headers(headers), **headers},
                timeout=limits.timeout,
                allow_redirects=False,  # they would carry prompts to an address that staff did not set
                proxy=self._proxy,
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = classify_client_error(provider=self.account.name, cause=error)
        else:
            answer = UpstreamAnswer(self.account, response)
            if response.status == 200:
                return answer
            failure = await answer.explain_refusal()
        raise failure  # out here, so that the client's exception with the request's headers is not its context

    def under(self, account: ProviderAccount) -> "Upstream":
        """Return the same provider under another key, on the same connections: closed with this one."""
        other = copy(self)
        other.account = account
        return other

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _own_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        if self.account.kind != "anthropic":
            return {"Authorization": f"Bearer {self.account.api_key}"}
        return {"x-api-key": self.account.api_key, "anthropic-version": DEFAULT_ANTHROPIC_VERSION}


class UpstreamAnswer:
    """A provider's answer with status 200, whose body has yet to be read."""

    def __init__(self, account: ProviderAccount, response: aiohttp.ClientResponse) -> None:
        self._account = account
        self._response = response
        self._received_bytes = 0

    @property
    def content_type(self) -> str:
        """The media type, without parameters, in lower case."""
        return self._response.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str:
        """The id by which the provider's support finds the request, or an empty text."""
        headers = self._response.headers
        return (headers.get("x-request-id") or headers.get("request-id") or "")[:128]

    async def read(self) -> bytes:
        """Read the whole body; raises ``ProviderError``."""
        parts = []
        while part := await self._read_part():
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def iter_parts(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises ``ProviderError``."""
        while part := await self._read_part():
            yield part

    async def _read_part(self) -> bytes:
        """Return what has arrived, once there is something; nothing at the end."""
        try:
            part = await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = classify_client_error(provider=self._account.name, cause=error)
        else:
            self._received_bytes += len(part)
            if self._received_bytes <= LARGEST_ANSWER_BYTES:
                return part
            message = f"The answer of {self._account.name} is larger than {LARGEST_ANSWER_BYTES} bytes."
            failure = ProviderGarbledAnswer(message, delivery="unknown")
        failure.provider_request_id = self.request_id
        raise failure

    async def explain_refusal(self) -> ProviderError:
        """Read an error and tell what it means."""
        try:
            body = await self._response.content.read(_LARGEST_ERROR_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError):
            body = b""
        self.close()
        return self.explain_error(parse_json(body))

    def explain_error(self, body: object) -> ProviderError:
        """Tell what an error object means that the provider sent, with an error status or in a stream."""
        return classify_response(
            provider=self._account.name,
            status=self._response.status,
            headers=self._response.headers,
            body=body,
            api_key=self._account.api_key,
        )

    def close(self) -> None:
        """Drop the connection when the body was not read to its end; if it was, it has been given back."""
        if not self._response.closed:
            self._response.close()


def parse_json(body: bytes) -> object:
    """Return what ``body`` holds; the text itself when that is no JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


def classify_client_error(*, provider: str, cause: BaseException) -> ProviderError:
    """Explain an exchange that the network ended, by the HTTP client's exception."""
    match cause:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | aiohttp.ClientHttpProxyError():
            return ProviderUnavailable(f"{provider} cannot be reached.", delivery="not_sent")
        case aiohttp.InvalidURL() | ValueError():
            return ProviderRejectedRequest(
                f"No request can be sent to {provider}: check its address.", delivery="not_sent"
            )
        case asyncio.TimeoutError():
            return ProviderTimeout(f"{provider} did not answer in time.", delivery="unknown")
    return ProviderUnavailable(f"The connection to {provider} broke.", delivery="unknown")


def _find_proxy(address: str) -> str | None:
    """Return the proxy that the environment names for an address; this machine's own addresses have none."""
    parts = urlsplit(address)
    if not parts.hostname or is_loopback(address) or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)
