"""Whom the fetcher of images does not ask."""

import asyncio

import pytest

from ai_gateway.providers import image_fetching
from ai_gateway.providers.internet import Internet
from tests.ai_gateway.providers.fetching import CAT, HOST, fetch, refusal
from tests.ai_gateway.small_internet import OTHER_PUBLIC, PUBLIC, redirecting


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
