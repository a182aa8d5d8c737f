import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from ai_gateway.providers import transport
from ai_gateway.providers.transport import AsyncBoundedClient, build_async_http_client, build_timeout


class Body(httpx2.AsyncByteStream):
    """A body that sends its chunks and then, if told to, goes silent."""

    def __init__(self, *chunks: bytes, silent: bool = False, endless: bool = False) -> None:
        self.chunks, self.silent, self.endless = chunks, silent, endless
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        while self.endless:
            yield b"x" * 400
        if self.silent:
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


async def get(body: Body, *, seconds: float = 10.0, stream: bool = False) -> httpx2.Response:
    client = AsyncBoundedClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, stream=body)))
    request = client.build_request("POST", "http://provider.test/", timeout=build_timeout(seconds))
    return await client.send(request, stream=stream)


def test_an_answer_within_its_time_is_read_whole():
    body = Body(b"a", b"b")
    assert asyncio.run(get(body)).content == b"ab"
    assert body.closed


def test_an_answer_that_stops_halfway_is_a_timeout():
    body = Body(b"a", silent=True)
    with pytest.raises(httpx2.ReadTimeout, match="the whole answer"):
        asyncio.run(get(body, seconds=0.05))
    assert body.closed


def test_a_stream_that_stops_halfway_is_a_timeout():
    async def read() -> bytes:
        return await (await get(Body(b"a", silent=True), seconds=0.05, stream=True)).aread()

    with pytest.raises(httpx2.ReadTimeout, match="the whole answer"):
        asyncio.run(read())


def test_headers_that_do_not_come_are_a_timeout():
    async def silence(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def ask() -> None:
        await AsyncBoundedClient(transport=httpx2.MockTransport(silence)).post(
            "http://provider.test/", timeout=build_timeout(0.05)
        )

    with pytest.raises(httpx2.ReadTimeout, match="the whole answer"):
        asyncio.run(ask())


def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(transport, "LARGEST_ANSWER_BYTES", 1_000)
    body = Body(endless=True)
    with pytest.raises(httpx2.DecodingError, match="larger than 1000 bytes"):
        asyncio.run(get(body))
    assert body.closed


def test_a_cancelled_task_closes_its_answer():
    body = Body(b"a", silent=True)

    async def leave() -> None:
        task = asyncio.create_task(get(body))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert body.closed


def test_redirects_are_not_followed_and_no_proxy_is_asked_for_this_machine():
    assert build_async_http_client("https://provider.test").follow_redirects is False
    assert build_async_http_client("http://127.0.0.1:8101/v1").trust_env is False
    assert build_async_http_client("https://provider.test/v1").trust_env is True
