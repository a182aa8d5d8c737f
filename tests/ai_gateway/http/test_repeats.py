"""What a repeat of a call gets under its idempotency key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tenants.models import Company
from tests.ai_gateway.http.conftest import HELLO, make_key, subscribe
from tests.tokens.ledger import new_company
from tokens.models import Answer

DAY = timedelta(days=1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_repeat_gets_the_same_bytes_and_is_not_charged(http, books, stream):
    asked = {"json": {**HELLO, "stream": stream}, "headers": {"Idempotency-Key": "k"}}
    first = http.post("/v1/chat/completions", **asked)
    again = http.post("/v1/chat/completions", **asked)

    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (again.headers["x-winnow-replayed"], again.headers["x-winnow-tokens-charged"]) == ("true", "0")
    assert again.headers["x-winnow-call-id"] == first.headers["x-winnow-call-id"]
    assert len(books.close().logs) == 1


def test_a_key_stands_for_one_request_of_one_endpoint(http, books):
    headers = {"Idempotency-Key": "k"}
    http.post("/v1/chat/completions", json=HELLO, headers=headers)
    other = http.post("/v1/chat/completions", json={**HELLO, "max_tokens": 5}, headers=headers)
    elsewhere = http.post("/v1/responses", json={"model": "sandbox-rules-1", "input": "Hello?"}, headers=headers)

    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert elsewhere.status_code == 200
    assert len(books.close().logs) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_kept_as_long_as_its_company_wants(http, company, books, settings, stream):
    settings.AI_ANSWER_DAYS = 21
    wanting = subscribe(new_company(tokens=1_000_000, slug="wanting"))
    Company.objects.filter(pk=wanting.pk).update(answer_days=2)
    secret = make_key(wanting)[1]
    asked = {"json": {**HELLO, "stream": stream}, "headers": {"Idempotency-Key": "k"}}
    assert http.post("/v1/chat/completions", **asked).status_code == 200
    asked["headers"]["Authorization"] = f"Bearer {secret}"
    assert http.post("/v1/chat/completions", **asked).status_code == 200

    books.close()
    kept = {
        answer.hold.company_id: round((answer.erase_after - answer.stored_at) / DAY) for answer in Answer.objects.all()
    }
    assert kept == {company.pk: 21, wanting.pk: 2}


def test_an_answer_past_its_retention_is_a_409(http, books):
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    http.post("/v1/chat/completions", **asked)
    Answer.objects.all().delete()

    response = http.post("/v1/chat/completions", **asked)

    assert (response.status_code, response.json()["error"]["code"]) == (409, "answer_expired")
    assert len(books.close().logs) == 1


def test_a_repeat_waits_for_the_call_under_way(http, upstream, books):
    upstream.misbehave("delay", seconds=0.3)
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _n: http.post("/v1/chat/completions", **asked), range(3)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(books.close().logs) == 1


def test_a_repeat_that_waited_long_enough_is_a_409(http, upstream, books, settings):
    settings.API_REPEAT_WAIT_SECONDS = 0
    upstream.misbehave("delay", seconds=0.5)
    asked = {"json": HELLO, "headers": {"Idempotency-Key": "k"}}
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _n: http.post("/v1/chat/completions", **asked), range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(books.close().logs) == 1


def test_a_failure_that_was_charged_is_what_a_repeat_gets(http, upstream, books):
    upstream.misbehave("stream_cut", after_chunks=1)
    asked = {"json": {**HELLO, "stream": True}, "headers": {"Idempotency-Key": "k"}}
    broken = http.post("/v1/chat/completions", **asked)
    again = http.post("/v1/chat/completions", **asked)

    assert b"provider_unavailable" in broken.content
    assert (again.status_code, again.json()["error"]["code"]) == (502, "provider_unavailable")
    assert again.headers["x-should-retry"] == "false"
    assert len(books.close().logs) == 1
