"""Repeats of calls with images that callers name by their address: the key stands for the request as it was sent."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from ai_gateway.http import images
from tests.ai_gateway.http.asking_with_images import CAT, DOG, bearer_with, chat, data_of
from tests.ai_gateway.small_internet import giving, picture
from tokens.models import Hold

pytestmark = pytest.mark.usefixtures("internet")


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeat_gets_its_answer_when_the_image_is_gone(http, books, internet, stream):
    asked = {"json": chat(CAT, stream=stream), "headers": {"Idempotency-Key": "k"}}
    first = http.post("/v1/chat/completions", **asked)
    internet.pages.clear()
    again = http.post("/v1/chat/completions", **asked)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["x-winnow-replayed"] == "true"
    assert len(internet.requests) == 1
    assert len(books.close().logs) == 1


def test_a_key_stands_for_the_request_as_it_was_sent(http, books, internet):
    """A picture that changed at its address is the same request; the picture itself is another."""
    headers = {"Idempotency-Key": "k"}
    http.post("/v1/chat/completions", json=chat(CAT), headers=headers)
    internet.pages["/cat"] = giving(picture("JPEG"))
    same = http.post("/v1/chat/completions", json=chat(CAT), headers=headers)
    other = http.post("/v1/chat/completions", json=chat(DOG), headers=headers)
    itself = http.post("/v1/chat/completions", json=chat(f"data:image/png;base64,{data_of()}"), headers=headers)

    assert same.headers["x-winnow-replayed"] == "true"
    assert [response.status_code for response in (other, itself)] == [409, 409]
    assert other.json()["error"]["code"] == "idempotency_key_in_use"
    assert len(books.close().logs) == 1


def test_a_repeat_of_a_call_that_failed_fetches_again(http, books, upstream, internet):
    upstream.misbehave("status", status=400)
    asked = {"json": chat(CAT), "headers": {"Idempotency-Key": "k"}}
    assert http.post("/v1/chat/completions", **asked).status_code == 400
    assert http.post("/v1/chat/completions", **asked).status_code == 200

    assert len(internet.requests) == 2
    assert [log.status for log in books.close().logs] == ["refused", "succeeded"]


@contextmanager
def under_way(http, upstream, asked, seconds):
    """A call that has reached its provider, which takes so long to answer."""
    upstream.misbehave("delay", seconds=seconds)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(http.post, "/v1/chat/completions", **asked)
        while not upstream.requests:
            pass
        yield first


def test_a_repeat_whose_image_is_gone_is_told_that_the_call_is_under_way(http, books, upstream, internet):
    asked = {"json": chat(CAT), "headers": {"Idempotency-Key": "k"}}
    with under_way(http, upstream, asked, seconds=0.5) as first:
        internet.pages.clear()
        again = http.post("/v1/chat/completions", **asked)

    assert (again.status_code, again.json()["error"]["code"]) == (409, "call_under_way")
    assert first.result().status_code == 200
    assert http.post("/v1/chat/completions", **asked).content == first.result().content
    assert len(books.close().logs) == 1


def test_a_repeat_while_the_first_call_holds_all_tokens_waits_for_it(http, books, upstream):
    asked = {"json": chat(CAT), "headers": {"Idempotency-Key": "k", **bearer_with(1_000)}}
    with under_way(http, upstream, asked, seconds=0.3) as first:
        assert Hold.objects.get().held_tokens == 1_000
        again = http.post("/v1/chat/completions", **asked)

    assert (first.result().status_code, again.status_code) == (200, 200)
    assert again.content == first.result().content
    assert len(books.close().logs) == 1


def test_a_repeat_that_the_first_call_overtakes_is_told_so(http, books, upstream, monkeypatch):
    """It sees no hold of its key when it looks, and no tokens a moment later."""
    asked = {"json": chat(CAT), "headers": {"Idempotency-Key": "k", **bearer_with(1_000)}}
    with under_way(http, upstream, asked, seconds=0.5) as first:
        find, looks = images._find_hold, []

        async def look_too_early(*whose):
            looks.append(whose)
            return None if len(looks) == 1 else await find(*whose)

        monkeypatch.setattr(images, "_find_hold", look_too_early)
        again = http.post("/v1/chat/completions", **asked)

    assert (again.status_code, again.json()["error"]["code"]) == (409, "call_under_way")
    assert first.result().status_code == 200
    assert len(books.close().logs) == 1


def test_repeats_at_the_same_time_are_one_call(http, books, upstream):
    upstream.misbehave("delay", seconds=0.3)
    asked = {"json": chat(CAT), "headers": {"Idempotency-Key": "k"}}
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _n: http.post("/v1/chat/completions", **asked), range(3)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(books.close().logs) == 1
