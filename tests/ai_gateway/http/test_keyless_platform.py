"""Providers at which the platform has no key: there for the companies that have one of their own, for nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import httpx2
import openai
import pytest

from ai_gateway.http import gateway as gateway_module
from ai_gateway.provider_keys import forget_provider_keys, remove_provider_key, set_provider_key
from tests.ai_gateway.http.conftest import make_key, subscribe
from tests.ai_gateway.http.server import serve_gateway
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import BudgetPeriod, BudgetScope, BudgetUse, Hold, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services.budgets import create_budget

HELLO = [{"role": "user", "content": "Hello?"}]


@pytest.fixture
def upstream(upstream, settings, monkeypatch):
    """Both formats' providers under the names at which companies can have keys, and no key of the platform's."""
    root = upstream.sandbox.root_url
    settings.AI_PROVIDERS = {
        "openai": {"kind": "openai", "base_url": f"{root}/v1", "api_key": "", "models": ["gpt-6-luna"]},
        "anthropic": {"kind": "anthropic", "base_url": root, "api_key": "", "models": ["claude-haiku-5-5"]},
    }
    monkeypatch.setattr(gateway_module, "_TERMS_SECONDS", 0.0)  # keys that come and go are seen at once
    monkeypatch.setattr(gateway_module, "_CATALOG_SECONDS", 0.0)
    return upstream


def give_keys(company, upstream) -> dict[str, str]:
    acting = MembershipFactory(company=company)
    keys = {provider: upstream.sandbox.key() for provider in ("openai", "anthropic")}
    for provider, key in keys.items():
        set_provider_key(company=company, provider=provider, secret=key, acting=acting)
    forget_provider_keys()
    return keys


@pytest.fixture
def own(company, upstream) -> dict[str, str]:
    return give_keys(company, upstream)


@contextmanager
def as_company(gateway, company) -> Iterator[tuple[openai.OpenAI, anthropic.Anthropic]]:
    secret = make_key(company)[1]
    with (
        openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as client,
        anthropic.Anthropic(api_key=secret, base_url=gateway.root_url, max_retries=0) as claude,
    ):
        yield client, claude


@pytest.fixture(autouse=True)
def books_in_order(committed_db):
    yield
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open").exists()


def test_a_company_calls_with_its_own_keys_and_pays_no_tokens(own, client, claude, company, gateway, upstream):
    limit = create_budget(
        company_id=company.pk, scope=BudgetScope.COMPANY, period=BudgetPeriod.MONTH, limit_tokens=100_000
    )

    client.chat.completions.create(model="gpt-6-luna", messages=HELLO)
    with client.responses.create(model="openai/gpt-6-luna", input="Hello?", stream=True) as events:
        assert [event.type for event in events][-1] == "response.completed"
    claude.messages.create(model="claude-haiku-5-5", max_tokens=50, messages=HELLO)
    gateway.stop()

    logs = list(UsageLog.objects.order_by("started_at"))
    assert [(log.provider, log.key_owner, log.charged_tokens, log.provider_cost_usd) for log in logs] == [
        ("openai", "company", 0, 0),
        ("openai", "company", 0, 0),
        ("anthropic", "company", 0, 0),
    ]
    assert [len(upstream.sandbox.requests(own[provider])) for provider in ("openai", "anthropic")] == [2, 1]
    assert get_balance(company.pk).available_tokens == 1_000_000
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == {"grant"}
    use = BudgetUse.objects.get(budget_id=limit)
    assert (use.used_tokens, use.held_tokens) == (sum(log.own_key_tokens for log in logs), 0)
    assert min(log.own_key_tokens for log in logs) > 0


def test_another_company_finds_no_such_model(own, client, gateway, upstream):
    client.chat.completions.create(model="gpt-6-luna", messages=HELLO)  # what is remembered of one is not the other's
    with as_company(gateway, subscribe(new_company(tokens=1_000, slug="other"))) as (other, other_claude):
        for model in ("gpt-6-luna", "openai/gpt-6-luna", "claude-haiku-5-5"):
            with pytest.raises(openai.NotFoundError) as refusal:
                other.chat.completions.create(model=model, messages=HELLO)
            assert refusal.value.code == "model_not_found"
        with pytest.raises(anthropic.NotFoundError):
            other_claude.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=HELLO)
        with pytest.raises(anthropic.NotFoundError):
            other_claude.messages.count_tokens(model="claude-haiku-5-5", messages=HELLO)
        assert other.models.list().data == []

    assert [model.id for model in client.models.list()] == ["claude-haiku-5-5", "gpt-6-luna"]
    assert [len(upstream.sandbox.requests(key)) for key in own.values()] == [1, 0]
    assert Hold.objects.count() == 1


def test_each_company_is_on_its_own_account(own, client, gateway, upstream):
    other = subscribe(new_company(tokens=1_000, slug="other"))
    others = give_keys(other, upstream)
    with as_company(gateway, other) as (other_client, _claude):
        for caller in (client, other_client, other_client, client, other_client):
            caller.chat.completions.create(model="gpt-6-luna", messages=HELLO)

    assert [len(upstream.sandbox.requests(keys["openai"])) for keys in (own, others)] == [2, 3]


def test_tokens_of_a_message_are_counted_by_the_provider_with_the_companys_key(own, claude, monkeypatch):
    monkeypatch.setattr("ai_gateway.http.counting.MeteredRequest", None)  # nobody else counts

    counted = claude.messages.count_tokens(model="claude-haiku-5-5", messages=HELLO).input_tokens

    message = claude.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=HELLO)
    assert counted == message.usage.input_tokens


def test_once_the_key_is_removed_there_is_no_such_model(own, client, company):
    client.chat.completions.create(model="gpt-6-luna", messages=HELLO)
    remove_provider_key(company=company, provider="openai", acting=MembershipFactory(company=company))
    forget_provider_keys()

    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-6-luna", messages=HELLO)
    assert [model.id for model in client.models.list()] == ["claude-haiku-5-5"]


def test_a_key_removed_between_two_looks_is_no_such_model_either(client, monkeypatch, upstream):
    monkeypatch.setattr(gateway_module, "find_own_providers", lambda _company_id: frozenset({"openai"}))

    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="gpt-6-luna", messages=HELLO)
    assert (refusal.value.code, Hold.objects.count()) == ("model_not_found", 0)


def test_a_key_that_cannot_be_decrypted_is_said_to_be_that(own, http, settings):
    settings.PROVIDER_KEYS_SECRETS = ["b25lIHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGwuLi4="]

    response = http.post("/v1/chat/completions", json={"model": "gpt-6-luna", "messages": HELLO})

    assert (response.status_code, response.json()["error"]["code"]) == (503, "provider_key_unreadable")
    assert response.headers["x-should-retry"] == "false"
    assert Hold.objects.count() == 0


def test_an_own_account_goes_before_another_provider_of_the_same_model(own, secret, settings, upstream):
    platforms = {"kind": "compatible", "base_url": upstream.sandbox.url, "api_key": upstream.key}
    settings.AI_PROVIDERS = {"many": {**platforms, "models": ["gpt-6-luna"]}, **settings.AI_PROVIDERS}
    settings.AI_PROVIDER = "many"

    with serve_gateway() as gateway, httpx2.Client(base_url=gateway.root_url, trust_env=False) as http:
        asked = {"model": "gpt-6-luna", "messages": HELLO}
        response = http.post("/v1/chat/completions", json=asked, headers={"x-api-key": secret})

    assert response.status_code == 200
    assert (len(upstream.sandbox.requests(own["openai"])), upstream.requests) == (1, [])
