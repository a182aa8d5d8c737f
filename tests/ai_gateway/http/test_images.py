"""Images that callers name by their address: fetched by the gateway, never by the provider, and for no caller in vain."""

import json
from datetime import timedelta

import anthropic
import openai
import pytest
from django.utils import timezone

from ai_gateway.metrics import REGISTRY
from ai_gateway.provider_keys import set_provider_key
from ai_gateway.providers.upstream import Upstream
from billing.models import Subscription
from tenants.models import KeyScope
from tests.ai_gateway.http.asking_with_images import (
    CAT,
    CLAUDE,
    DOG,
    PATHS,
    SANDBOX,
    WAYS,
    bearer_with,
    chat,
    data_of,
    message,
    responses,
)
from tests.ai_gateway.http.conftest import PICTURES_HOST, make_key, subscribe
from tests.ai_gateway.small_internet import giving, picture
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import BudgetAction, BudgetPeriod, BudgetScope, Hold
from tokens.services.budgets import create_budget

pytestmark = pytest.mark.usefixtures("internet")


@pytest.fixture
def sent(monkeypatch):
    """The bodies that were sent to the provider."""
    bodies = []
    post = Upstream.post

    async def note(self, path, body, headers, limits):
        bodies.append(json.loads(body))
        return await post(self, path, body, headers, limits)

    monkeypatch.setattr(Upstream, "post", note)
    return bodies


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("write", "model"), WAYS, ids=[f"{write.__name__}-{model}" for write, model in WAYS])
def test_the_provider_gets_the_image_itself(http, books, sent, internet, write, model, stream):
    response = http.post(PATHS[write], json=write(CAT, DOG, model=model, stream=stream))

    assert response.status_code == 200, response.text
    [body] = sent
    written = json.dumps(body)
    assert (PICTURES_HOST in written, data_of() in written, data_of("JPEG", (64, 64)) in written) == (False, True, True)
    assert [path for _host, path, _headers in sorted(internet.requests)] == ["/cat", "/dog"]
    [request] = books.close().requests
    assert request["images"] == 2


@pytest.mark.parametrize(("write", "model"), WAYS, ids=[f"{write.__name__}-{model}" for write, model in WAYS])
def test_it_is_held_for_like_one_that_was_sent_itself(http, books, sent, write, model):
    """By its size in pixels: the address has other tokens, and so has an image of another size."""
    by_url = write(CAT, model=model)
    itself = json.loads(json.dumps(by_url).replace(CAT, f"data:image/png;base64,{data_of()}"))
    if write is message:
        itself["messages"][0]["content"][0]["source"] = {
            "type": "base64",
            "media_type": "image/png",
            "data": data_of(),
        }
    small = write(DOG, model=model)
    for body in (by_url, itself, small):
        assert http.post(PATHS[write], json=body).status_code == 200

    first, second, third = Hold.objects.order_by("placed_at").values_list("needed_tokens", flat=True)
    assert first == second
    assert sent[0] == sent[1]
    assert third < first
    books.close()


def test_both_sdks_get_an_answer(client, claude, books):
    said = client.chat.completions.create(**chat(CAT)).choices[0].message.content
    answered = client.responses.create(**responses(CAT)).output_text
    with client.chat.completions.create(**chat(CAT), stream=True) as parts:
        streamed = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    written = claude.messages.create(**message(CAT)).content[0].text
    with claude.messages.stream(**message(CAT)) as events:
        told = "".join(events.text_stream)

    assert all((said, answered, streamed, written, told))
    assert [request["images"] for request in books.close().requests] == [1] * 5


REFUSED = {
    "https://inside.example/": ("image_url_not_allowed", "inside.example"),
    "https://169.254.169.254/latest/meta-data/": ("image_url_not_allowed", "169.254.169.254"),
    "http://pictures.example/cat": ("image_url_not_allowed", "https"),
    f"https://{PICTURES_HOST}/nothing": ("image_url_unreachable", "404"),
    f"https://{PICTURES_HOST}/page": ("image_url_not_an_image", "PNG, JPEG, GIF or WebP"),
    f"https://{PICTURES_HOST}/large": ("image_url_too_large", "10 MB"),
}


@pytest.mark.parametrize("url", REFUSED)
def test_both_sdks_are_told_what_is_wrong_with_an_image(client, claude, books, internet, url):
    internet.pages |= {"/page": giving(b"<html>"), "/large": giving(b"", content_length="99999999")}
    code, hint = REFUSED[url]

    with pytest.raises(openai.BadRequestError) as chatting:
        client.chat.completions.create(**chat(CAT, url))
    with pytest.raises(openai.BadRequestError) as responding:
        client.responses.create(**responses(url), stream=True)
    with pytest.raises(anthropic.BadRequestError) as writing:
        claude.messages.create(**message(url))

    assert (chatting.value.code, chatting.value.param) == (code, "messages")
    assert (responding.value.code, responding.value.param) == (code, "input")
    assert writing.value.body["error"]["details"]["error_code"] == code
    assert all(hint in str(refused.value) for refused in (chatting, responding, writing))
    assert books.close().requests == []
    assert Hold.objects.count() == 0


def test_a_file_by_its_address_is_refused_as_ever(http, internet):
    body = message()
    body["messages"][0]["content"][0] = {"type": "document", "source": {"type": "url", "url": CAT}}

    response = http.post("/v1/messages", json=body)

    assert (response.status_code, "file_url_not_allowed" in response.text) == (400, True)
    assert internet.lookups == []


def test_images_are_not_fetched_where_that_is_turned_off(http, books, settings, internet):
    settings.API_IMAGE_URLS = False

    response = http.post("/v1/chat/completions", json=chat(CAT))

    assert (response.status_code, response.json()["error"]["code"]) == (400, "image_url_not_allowed")
    assert "base64" in response.json()["error"]["message"]
    assert internet.lookups == []
    assert books.close().requests == []


def test_images_and_the_request_together_are_no_larger_than_a_request_may_be(http, books, monkeypatch):
    body = chat(CAT, CAT)
    monkeypatch.setattr("ai_gateway.http.images.LARGEST_BODY_BYTES", len(json.dumps(body)) + 2 * len(picture()))

    response = http.post("/v1/chat/completions", json=body)

    assert (response.status_code, response.json()["error"]["code"]) == (400, "image_url_too_large")
    assert books.close().requests == []


def test_counting_looks_at_the_image_too(claude, books, internet):
    asked = {name: value for name, value in message(CAT).items() if name != "max_tokens"}
    provider = claude.messages.count_tokens(**asked).input_tokens
    own = claude.messages.count_tokens(**{**asked, "model": f"sandbox/{SANDBOX}"}).input_tokens

    assert 0 < provider < own
    assert len(internet.requests) == 2
    assert books.close().requests == []


# For whom nothing is fetched.


def test_nothing_is_fetched_for_who_is_refused(http, gateway, company, books, internet):
    expired = subscribe(new_company(tokens=1_000_000, slug="expired"))
    Subscription.objects.filter(company=expired).update(period_ends_at=timezone.now() - timedelta(hours=1))
    hasty = make_key(company, requests_per_minute=1)[1]
    assert http.post("/v1/chat/completions", json=chat(), headers={"Authorization": f"Bearer {hasty}"}).is_success
    refused = {
        "wnw_wrong": 401,
        make_key(company, scopes=[KeyScope.MODELS])[1]: 403,
        make_key(company, allowed_models=["gpt-*"])[1]: 403,
        make_key(new_company(tokens=1_000_000, slug="unsubscribed"))[1]: 402,
        make_key(expired)[1]: 402,
        make_key(subscribe(new_company(tokens=0, slug="empty")))[1]: 402,
        hasty: 429,
    }

    for secret, status in refused.items():
        response = http.post("/v1/chat/completions", json=chat(CAT), headers={"Authorization": f"Bearer {secret}"})
        assert response.status_code == status, response.text
    assert internet.lookups == []
    assert len(books.close().requests) == 1


@pytest.mark.parametrize(
    ("changes", "headers", "status"),
    [
        ({"model": "no-such"}, {}, 404),
        ({"n": 9}, {}, 400),
        ({"store": True}, {}, 400),
        ({}, {"X-Winnow-Trace-Id": "no uuid"}, 400),
        ({}, {"Idempotency-Key": "k" * 201}, 400),
    ],
)
def test_nothing_is_fetched_for_a_request_that_is_refused(http, internet, changes, headers, status):
    assert http.post("/v1/chat/completions", json=chat(CAT, **changes), headers=headers).status_code == status
    assert internet.lookups == []


def test_nothing_is_fetched_for_what_the_provider_cannot_be_asked(http, internet):
    response = http.post("/v1/responses", json=responses(CAT, model=CLAUDE))

    assert (response.status_code, response.json()["error"]["code"]) == (400, "unsupported_translation")
    assert internet.lookups == []


@pytest.mark.parametrize(("write", "model"), WAYS, ids=[f"{write.__name__}-{model}" for write, model in WAYS])
def test_nothing_is_fetched_for_who_cannot_pay_even_for_the_smallest_picture(http, books, internet, write, model):
    """And nobody is refused who can pay for the picture itself: by its size, the hold decides about that."""

    def ask(tokens):
        return http.post(PATHS[write], json=write(CAT, model=model), headers=bearer_with(tokens))

    def read_needed(response):
        assert (response.status_code, "insufficient_tokens" in response.text) == (402, True)
        return response.json()["error"]["details"]["needed_tokens"]

    least = read_needed(ask(9))
    assert read_needed(ask(least - 1)) == least
    assert internet.lookups == []

    with_picture = read_needed(ask(least))
    assert with_picture > least
    assert read_needed(ask(with_picture - 1)) == with_picture
    assert len(internet.requests) == 2
    assert ask(with_picture).status_code == 200
    assert len(books.close().requests) == 1


def count_refused():
    labels = {"operation": "api", "provider": "", "outcome": "budget_exceeded"}
    return REGISTRY.get_sample_value("winnow_ai_calls_total", labels) or 0


@pytest.mark.parametrize("is_own", [False, True], ids=["platform's key", "own key"])
@pytest.mark.parametrize("scope", [BudgetScope.COMPANY, BudgetScope.KEY, BudgetScope.OPERATION])
def test_nothing_is_fetched_for_whom_a_budget_stops(http, company, key, books, settings, internet, scope, is_own):
    scope_id = {BudgetScope.KEY: str(key[0].pk), BudgetScope.OPERATION: "api"}.get(scope, "")
    period = {"company_id": company.pk, "period": BudgetPeriod.DAY}
    create_budget(**period, scope=scope, scope_id=scope_id, limit_tokens=9)
    create_budget(**period, scope=BudgetScope.USER, scope_id="1", limit_tokens=0)
    if is_own:
        settings.OWN_KEY_PROVIDERS = ("sandbox",)
        acting = MembershipFactory(company=company)
        set_provider_key(company=company, provider="sandbox", secret="k" * 20, acting=acting)

    counted = count_refused()

    response = http.post("/v1/chat/completions", json=chat(CAT))

    assert (response.status_code, response.json()["error"]["code"]) == (402, "budget_exceeded")
    assert response.json()["error"]["details"]["available_tokens"] == 9
    assert count_refused() == counted + 1
    assert internet.lookups == []
    assert books.close().requests == []


def test_budgets_of_others_and_those_that_warn_stop_no_fetching(http, company, books, internet):
    period = {"company_id": company.pk, "period": BudgetPeriod.DAY, "limit_tokens": 1}
    create_budget(**period, scope=BudgetScope.USER, scope_id="1")
    create_budget(**period, scope=BudgetScope.COMPANY, action=BudgetAction.WARN)

    assert http.post("/v1/chat/completions", json=chat(CAT)).status_code == 200
    assert len(internet.requests) == len(books.close().requests) == 1
