"""Images fetched from where callers say, and only images; whom it asks: test_image_addresses.py."""

import asyncio
import gzip
import threading
import time

import pytest

from ai_gateway.providers import image_fetching
from ai_gateway.providers.image_fetching import MOST_IMAGES, ImageFetcher, ImageRefused
from tests.ai_gateway.providers.fetching import CAT, HOST, LARGE, fetch, refusal
from tests.ai_gateway.small_internet import PUBLIC, giving, picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WebP"])
def test_an_image_comes_as_it_is(internet, kind):
    internet.pages["/cat"] = giving(picture(kind))

    [image] = fetch(internet, CAT).values()

    assert (image.data, image.media_type) == (picture(kind), f"image/{kind.lower()}")
    assert internet.connections == [(PUBLIC, 443)]


def test_nothing_but_the_request_is_sent(internet, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text(f"machine {HOST} login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    internet.pages["/cat"] = giving(b"", status=302, location="/dog", set_cookie="a=b")
    internet.pages["/dog"] = giving(picture())

    fetch(internet, CAT)

    for _host, _path, headers in internet.requests:
        assert set(headers) == {"host", "connection", "accept", "accept-encoding", "user-agent"}
        assert headers["accept-encoding"] == "identity"
    assert [path for _host, path, _headers in internet.requests] == ["/cat", "/dog"]


def test_each_address_is_asked_once_and_several_at_the_same_time(internet):
    meeting = threading.Barrier(2, timeout=10)

    def meet(request):
        meeting.wait()
        giving(picture())(request)

    internet.pages = {"/cat": meet, "/dog": meet}

    images = fetch(internet, CAT, CAT, f"https://{HOST}/dog")

    assert len(images) == 2
    assert len(internet.requests) == 2


def test_who_names_servers_that_do_not_answer_holds_up_nobody_else(internet):
    left = threading.Event()
    internet.pages["/slow"] = lambda _request: left.wait(20)

    async def main():
        fetcher = ImageFetcher(internet, allows_http=False)
        slow = [f"https://{HOST}/slow?{number}" for number in range(MOST_IMAGES)]
        internet.pages |= {f"/slow?{number}": internet.pages["/slow"] for number in range(MOST_IMAGES)}
        waiting = asyncio.ensure_future(fetcher.fetch(slow, owner=1, seconds=20, total_bytes=LARGE))
        while len(internet.requests) < 8:
            await asyncio.sleep(0.001)
        with pytest.raises(ImageRefused):
            await fetcher.fetch([CAT], owner=1, seconds=0.2, total_bytes=LARGE)
        images = await fetcher.fetch([CAT], owner=2, seconds=10, total_bytes=LARGE)
        waiting.cancel()
        return images

    try:
        assert len(asyncio.run(main())) == 1
    finally:
        left.set()
    assert len(internet.requests) == 8 + 1


# What it does not take.


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x89PNG",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><title>Log in</title>",
        b"%PDF-1.7 and so on",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"BM" + bytes(100),
        gzip.compress(picture()),
    ],
)
def test_what_is_no_image_is_refused_whatever_it_says_it_is(internet, body):
    internet.pages["/cat"] = giving(body, content_type="image/png")

    assert refusal(internet, CAT).reason == "not_an_image"


def test_an_image_is_taken_for_what_it_is_whatever_it_says_it_is(internet):
    internet.pages["/cat"] = giving(picture("JPEG"), content_type="text/html")

    assert fetch(internet, CAT)[CAT].media_type == "image/jpeg"


def test_a_small_file_that_would_unpack_to_a_large_one_stays_packed(internet):
    bomb = gzip.compress(picture() + bytes(200_000_000), 1)
    internet.pages["/cat"] = giving(bomb, content_encoding="gzip", content_type="image/png")

    assert refusal(internet, CAT).reason == "not_an_image"


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 404, 500])
def test_only_success_is_an_answer(internet, status):
    internet.pages["/cat"] = giving(b"" if status in (204, 304) else picture(), status=status)

    refused = refusal(internet, CAT)

    assert (refused.reason, str(status) in refused.message) == ("unreachable", True)


def pouring(pieces: bytes, stopped: threading.Event):
    """Answer without an end, in chunks, until the other side hangs up."""

    def pour(request):
        request.send_response(200)
        request.send_header("transfer-encoding", "chunked")
        request.end_headers()
        try:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(picture()), picture()))
            while True:
                request.wfile.write(b"%x\r\n%s\r\n" % (len(pieces), pieces))
        except OSError:
            stopped.set()

    return pour


def test_a_body_without_end_is_cut(internet, monkeypatch):
    monkeypatch.setattr(image_fetching, "LARGEST_IMAGE_BYTES", 2 * 1024 * 1024)
    stopped = threading.Event()
    internet.pages["/cat"] = pouring(bytes(100_000), stopped)

    refused = refusal(internet, CAT)

    assert (refused.reason, "2 MB" in refused.message) == ("too_large", True)
    assert stopped.wait(10)


def test_an_image_that_announces_too_much_is_not_read(internet, monkeypatch):
    monkeypatch.setattr(image_fetching, "LARGEST_IMAGE_BYTES", 1024)
    reached = []
    internet.pages["/cat"] = lambda request: (
        giving(b"", content_length="1025")(request),
        reached.append(1),
    )

    assert refusal(internet, CAT).reason == "too_large"
    assert reached == [1]


def test_images_share_a_total_in_which_each_counts_as_often_as_it_is_named(internet):
    internet.pages |= {"/a": giving(picture()), "/b": giving(picture())}
    a, b, size = f"https://{HOST}/a", f"https://{HOST}/b", len(picture())

    assert len(fetch(internet, a, b, total_bytes=2 * size)) == 2
    assert refusal(internet, a, b, total_bytes=2 * size - 1).reason == "too_large"
    assert refusal(internet, a, a, a, total_bytes=2 * size).reason == "too_large"


def test_too_many_are_not_begun(internet):
    refused = refusal(internet, *(f"{CAT}?{number}" for number in range(MOST_IMAGES + 1)))

    assert (refused.reason, internet.lookups) == ("not_allowed", [])


@pytest.mark.parametrize("speaks_first", [False, True], ids=["silent", "dripping"])
def test_a_slow_server_is_waited_for_so_long_and_no_longer(internet, speaks_first):
    left = threading.Event()

    def drip(request):
        if speaks_first:
            request.send_response(200)
            request.end_headers()
            request.wfile.write(picture()[:100])
        try:
            while not left.wait(0.02):
                if speaks_first:
                    request.wfile.write(b"\0")
        except OSError:
            pass

    internet.pages["/cat"] = drip
    started = time.monotonic()
    try:
        refused = refusal(internet, CAT, seconds=0.3)
    finally:
        left.set()

    assert refused.reason == "unreachable"
    assert 0.3 <= time.monotonic() - started < 5


def test_a_lookup_that_does_not_end_is_not_waited_for(internet, monkeypatch):
    async def look_up(_host):
        await asyncio.Event().wait()

    monkeypatch.setattr(internet, "look_up", look_up)

    assert refusal(internet, CAT, seconds=0.05).reason == "unreachable"


def test_the_first_that_fails_ends_the_others(internet):
    left = threading.Event()
    internet.pages["/slow"] = lambda _request: left.wait(20)
    started = time.monotonic()
    try:
        refused = refusal(internet, f"https://{HOST}/slow", "https://unknown.example/")
    finally:
        left.set()

    assert refused.reason == "not_allowed"
    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there_is_unreachable(internet, monkeypatch):
    monkeypatch.setitem(internet.ports, 443, 1)

    assert refusal(internet, CAT).reason == "unreachable"


def test_half_an_image_is_none(internet):
    internet.pages["/cat"] = giving(picture(), content_length=str(len(picture()) + 1))

    assert refusal(internet, CAT).reason == "unreachable"


def test_an_address_that_opens_an_image_to_everybody_is_not_repeated(internet):
    internet.pages["/cat?signature=secret"] = giving(b"", status=403)

    assert "secret" not in refusal(internet, f"{CAT}?signature=secret").message
