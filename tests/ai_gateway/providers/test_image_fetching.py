"""Images fetched from where callers say: only from public addresses, and only images."""

import asyncio
import gzip
import threading
import time

import pytest

from ai_gateway.providers import image_fetching
from ai_gateway.providers.image_fetching import MOST_IMAGES, ImageFetcher, ImageRefused
from ai_gateway.providers.internet import Internet
from tests.ai_gateway.small_internet import OTHER_PUBLIC, PUBLIC, giving, picture, redirecting, serve

HOST = "pictures.example"
CAT = f"https://{HOST}/cat"
LARGE = 50_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("tls"), HOST, "other.example", "xn--bcher-kva.example") as internet:
        yield internet


@pytest.fixture
def internet(running):
    running.names = {name: [PUBLIC] for name in (HOST, "other.example", "xn--bcher-kva.example")}
    running.pages = {"/cat": giving(picture())}
    for seen in (running.connections, running.requests, running.lookups):
        seen.clear()
    return running


def fetch(internet, *urls, allows_http=False, seconds=10.0, total_bytes=LARGE):
    """Fetch images; returns them by address."""

    async def main():
        fetcher = ImageFetcher(internet, allows_http=allows_http)
        try:
            return await fetcher.fetch(urls, owner=1, seconds=seconds, total_bytes=total_bytes)
        finally:
            fetcher.close()

    return asyncio.run(main())


def refusal(internet, *urls, **options) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        fetch(internet, *urls, **options)
    return refused.value


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


# Whom it does not ask.


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "10.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fd00:ec2::254]",
        "127.0.0.1%00.pictures.example",
        "%31%32%37.0.0.1",
        "-",
        "a" * 64 + ".example",
    ],
)
def test_a_host_inside_is_not_asked_however_it_is_written(host, monkeypatch):
    """With the real resolver: what it makes of a number is its own."""
    opened = []
    monkeypatch.setattr(Internet, "open_socket", lambda _self, family: opened.append(family))

    assert refusal(Internet(), f"https://{host}/").reason == "not_allowed"
    assert opened == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1"])
def test_the_real_resolver_knows_numbers_in_many_forms(host):
    """So that the test above is about the guard."""

    async def look_up():
        internet = Internet()
        found = await internet.look_up(host)
        internet.close()
        return found

    assert asyncio.run(look_up()) == ["127.0.0.1"]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["fe80::1%eth0"], []])
def test_a_name_must_have_public_addresses_only(internet, addresses):
    internet.names[HOST] = addresses

    inside = refusal(internet, CAT)

    del internet.names[HOST]
    unknown = refusal(internet, CAT)
    assert (inside.reason, inside.message) == (unknown.reason, unknown.message) == ("not_allowed", inside.message)
    assert internet.connections == []


def test_a_name_that_changes_is_connected_to_where_it_was_looked_up(internet):
    class Changing(dict):
        def __getitem__(self, name):
            found = super().__getitem__(name)
            self[name] = ["127.0.0.1"]
            return found

    internet.names = Changing(internet.names)

    fetch(internet, CAT)

    assert internet.connections == [(PUBLIC, 443)]
    assert internet.lookups == [HOST]
    assert refusal(internet, CAT).reason == "not_allowed"


def test_a_socket_is_opened_only_to_an_address_that_was_checked(internet, monkeypatch):
    """Whatever the client library makes of the addresses."""

    async def resolve(_self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(image_fetching._Line, "resolve", resolve)

    assert refusal(internet, CAT).reason == "unreachable"
    assert internet.connections == []


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/cat",
        f"ftp://{HOST}/cat",
        f"https://{HOST}:8443/cat",
        f"https://{HOST}:80/cat",
        f"https://{HOST}:0/cat",
        f"https://{HOST}:99999/cat",
        f"https://me@{HOST}/cat",
        f"https://me:secret@{HOST}/cat",
        f"https://:@{HOST}/cat",
        f"https://other.example\\@{HOST}/cat",
        "https:///cat",
        "https://",
        "file:///etc/passwd",
        "//pictures.example/cat",
        "cat.png",
        "None",
        "",
        f"https://{HOST}/{'a' * 9000}",
    ],
)
def test_an_address_of_another_kind_is_refused(internet, url):
    assert refusal(internet, url).reason == "not_allowed"
    assert (internet.lookups, internet.connections) == ([], [])


def test_plain_http_is_for_development(internet):
    assert len(fetch(internet, f"http://{HOST}/cat", CAT, allows_http=True)) == 2
    assert sorted(internet.connections) == [(PUBLIC, 80), (PUBLIC, 443)]
    assert refusal(internet, f"http://{HOST}:443/cat", allows_http=True).reason == "not_allowed"


def test_a_name_in_another_script_and_one_with_a_dot_at_its_end(internet):
    internet.names[f"{HOST}."] = [PUBLIC]

    assert len(fetch(internet, "https://bücher.example/cat", f"https://{HOST}./cat")) == 2


@pytest.mark.parametrize(
    "to",
    [
        "https://inside.example/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "//10.0.0.1/",
        f"http://{HOST}/cat",
        f"https://{HOST}:8443/cat",
        f"https://me:secret@{HOST}/cat",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_is_checked_like_an_address(internet, to):
    internet.names |= {"inside.example": ["10.0.0.1"], "127.0.0.1": ["127.0.0.1"], "10.0.0.1": ["10.0.0.1"]}
    internet.names["169.254.169.254"] = ["169.254.169.254"]
    internet.pages["/moved"] = redirecting(to)

    assert refusal(internet, f"https://{HOST}/moved").reason == "not_allowed"
    assert internet.connections == [(PUBLIC, 443)]


def test_three_redirects_are_followed_and_no_more(internet):
    internet.names["other.example"] = [OTHER_PUBLIC]
    internet.pages |= {
        "/1": redirecting("https://other.example/2"),
        "/2": redirecting("3"),
        "/3": redirecting(CAT),
        "/0": redirecting("/1"),
    }

    assert len(fetch(internet, f"https://{HOST}/1")) == 1
    assert [address for address, _port in internet.connections] == [PUBLIC, OTHER_PUBLIC, OTHER_PUBLIC, PUBLIC]
    assert refusal(internet, f"https://{HOST}/0").reason == "unreachable"


def test_a_certificate_for_another_name_is_refused(internet):
    internet.names["wrong.example"] = [PUBLIC]

    assert refusal(internet, "https://wrong.example/cat").reason == "unreachable"
    assert internet.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(internet, monkeypatch):
    monkeypatch.setattr(internet, "tls", Internet().tls)

    assert refusal(internet, CAT).reason == "unreachable"
    assert internet.requests == []


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
