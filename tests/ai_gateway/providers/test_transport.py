from collections.abc import Iterable, Iterator

import httpx2
import pytest

from ai_gateway.providers import transport
from ai_gateway.providers.transport import BoundedClient, build_http_client, build_timeout


class Clock:
    """A clock that only the server's body moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Body(httpx2.SyncByteStream):
    """A body that takes so many seconds before each chunk."""

    def __init__(self, clock: Clock, chunks: Iterable[bytes], *, seconds_each: float = 0.0) -> None:
        self.clock, self.chunks, self.seconds_each = clock, chunks, seconds_each
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.clock.now += self.seconds_each
            yield chunk

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(transport, "time", clock)
    return clock


def get(body: Body, *, stream: bool = False) -> httpx2.Response:
    client = BoundedClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, stream=body)))
    request = client.build_request("POST", "http://provider.test/", timeout=build_timeout(10))
    return client.send(request, stream=stream)


def test_an_answer_within_its_time_is_read_whole(clock):
    body = Body(clock, [b"a"] * 9, seconds_each=1.0)
    assert get(body).content == b"aaaaaaaaa"
    assert body.closed


def test_an_answer_that_drips_past_its_time_is_a_timeout(clock):
    body = Body(clock, [b"a"] * 30, seconds_each=1.0)
    with pytest.raises(httpx2.ReadTimeout):
        get(body)
    assert (clock.now, body.closed) == (11.0, True)


def test_a_stream_that_drips_past_its_time_is_a_timeout(clock):
    response = get(Body(clock, [b"a"] * 30, seconds_each=1.0), stream=True)
    with pytest.raises(httpx2.ReadTimeout):
        response.read()


def test_the_time_until_the_headers_counts(clock):
    limits = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        clock.now += 7
        limits.append(request.extensions["timeout"])
        return httpx2.Response(200, stream=Body(clock, [b"a"]))

    client = BoundedClient(transport=httpx2.MockTransport(answer))
    client.post("http://provider.test/", timeout=build_timeout(10))
    assert limits[0]["read"] == 3


def test_an_endless_answer_is_cut_off(clock, monkeypatch):
    monkeypatch.setattr(transport, "LARGEST_ANSWER_BYTES", 1_000)
    body = Body(clock, (b"x" * 400 for _ in iter(int, 1)))
    with pytest.raises(httpx2.DecodingError, match="larger than 1000 bytes"):
        get(body)
    assert body.closed


def test_redirects_are_not_followed():
    assert build_http_client("https://provider.test").follow_redirects is False


@pytest.mark.parametrize(
    ("address", "uses_environment"),
    [
        ("http://127.0.0.1:8101/v1", False),
        ("http://[::1]:8101/v1", False),
        ("http://localhost:8101/v1", False),
        ("https://provider.test/v1", True),
        ("http://10.0.0.7/v1", True),
    ],
)
def test_a_proxy_is_not_asked_for_this_machine(address, uses_environment):
    assert build_http_client(address).trust_env is uses_environment


def test_connecting_takes_seconds_at_most():
    assert build_timeout(90).as_dict() == {"connect": 5.0, "read": 90, "write": 90, "pool": 5.0}
    assert build_timeout(2).as_dict() == {"connect": 2, "read": 2, "write": 2, "pool": 2}


def test_a_client_closes_with_its_last_reference():
    closed = []

    class Watched(httpx2.MockTransport):
        def close(self) -> None:
            closed.append(True)

    client = BoundedClient(transport=Watched(lambda request: httpx2.Response(200)))
    client.get("http://provider.test/")
    del client
    assert closed == [True]
