"""A company's own key at a provider, over HTTP: used for its calls, whole and streamed, and for nobody else's."""

import pytest

from ai_gateway.provider_keys import forget_provider_keys, set_provider_key
from tests.ai_gateway.http.conftest import HELLO, make_key, subscribe
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger


@pytest.fixture
def own_key(company, upstream, settings) -> str:
    """A key of the company's own, at the sandbox."""
    settings.OWN_KEY_PROVIDERS = ("sandbox",)
    key = upstream.sandbox.key()
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider="sandbox", secret=key, acting=acting)
    forget_provider_keys()
    return key


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_calls_are_made_with_it_and_take_no_tokens(own_key, http, company, gateway, upstream, stream):
    response = http.post("/v1/chat/completions", json={**HELLO, "stream": stream})

    assert response.status_code == 200
    gateway.stop()
    assert (len(upstream.sandbox.requests(own_key)), upstream.requests) == (1, [])
    log = UsageLog.objects.get()
    assert (log.key_owner, log.charged_tokens, log.provider_cost_usd) == ("company", 0, 0)
    assert log.own_key_tokens == log.input_tokens + log.output_tokens > 0
    assert get_balance(company.pk).available_tokens == 1_000_000
    assert [result for result in audit_ledger() if not result.holds] == []


def test_the_answer_says_that_nothing_was_charged(own_key, http):
    response = http.post("/v1/chat/completions", json=HELLO)
    assert response.headers["x-winnow-tokens-charged"] == "0"
    assert response.headers["x-winnow-balance"] == "1000000"
    assert own_key not in str(response.headers) + response.text


def test_another_companys_calls_are_made_with_the_platforms_key(own_key, http, gateway, upstream):
    other = subscribe(new_company(tokens=1_000_000, slug="other"))
    _key, secret = make_key(other)

    response = http.post("/v1/chat/completions", json=HELLO, headers={"Authorization": f"Bearer {secret}"})

    assert response.status_code == 200
    gateway.stop()
    assert (len(upstream.requests), upstream.sandbox.requests(own_key)) == (1, [])
    assert UsageLog.objects.get().key_owner == "platform"


def test_an_error_of_the_provider_does_not_tell_the_key(own_key, http, upstream):
    upstream.sandbox.set_faults(own_key, {"kind": "quota"})
    response = http.post("/v1/chat/completions", json=HELLO)
    assert response.status_code >= 400
    assert own_key not in str(response.headers) + response.text
