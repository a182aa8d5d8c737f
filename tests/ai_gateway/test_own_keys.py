"""Calls of companies that have keys of their own at providers: made with them, and never paid with tokens."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import AccessRefused, CallFailed
from ai_gateway.provider_keys import ProviderKeyUnreadable, forget_provider_keys, set_provider_key
from ai_gateway.routing import NoUsableModel
from billing.access import forget_terms
from billing.models import Plan, Subscription
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import BudgetPeriod, BudgetScope, BudgetUse, Hold, LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services.budgets import create_budget

pytestmark = pytest.mark.django_db

OWN = "own-key-of-the-company-0123456789"


def new_customer(tokens, **options):
    company = new_company(tokens=tokens, **options)
    now = timezone.now()
    period = {"period_starts_at": now - timedelta(days=1), "period_ends_at": now + timedelta(days=1)}
    Subscription.objects.create(company=company, plan=Plan.objects.get(code="starter"), **period)
    return company


def own_key(company, provider="openai", secret=OWN):
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider=provider, secret=secret, acting=acting)
    forget_provider_keys()


@pytest.fixture(autouse=True)
def books_in_order():
    yield
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open").exists()


@pytest.fixture
def company():
    return new_customer(1_000_000)


@pytest.fixture
def upstream(upstream, settings):
    """The sandbox under the name of a provider at which companies can have keys; the model there has no price."""
    sandbox = settings.AI_PROVIDERS["sandbox"]
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "openai": {**sandbox}}
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, "openai/sandbox-rules-1")
    return upstream


def question(company, **options):
    return Call(
        **{"company_id": company.pk, "operation": "decision", "system": "Be brief.", "user": "Hello?", **options}
    )


def asked_with(upstream, key):
    return len(upstream.sandbox.requests(key))


def test_the_companys_key_is_used_and_its_tokens_are_not(company, upstream):
    key = upstream.sandbox.key()
    own_key(company, secret=key)
    answer = call_ai(question(company))
    assert (asked_with(upstream, key), upstream.requests) == (1, [])
    log = UsageLog.objects.get()
    assert answer.charged_tokens == 0
    assert (log.key_owner, log.charged_tokens, log.provider_cost_usd) == ("company", 0, 0)
    assert log.own_key_tokens == log.input_tokens + log.output_tokens > 0
    assert get_balance(company.pk).available_tokens == 1_000_000
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == {"grant"}


def test_another_companys_call_is_made_with_the_platforms_key(company, upstream, settings):
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, "sandbox/sandbox-rules-1")
    own_key(company)
    other = new_customer(100_000, slug="other")
    answer = call_ai(question(other))
    assert (len(upstream.requests), asked_with(upstream, OWN)) == (1, 0)
    assert answer.charged_tokens == 100_000 - get_balance(other.pk).available_tokens > 0


def test_it_works_without_any_tokens_but_not_without_a_subscription(upstream):
    key = upstream.sandbox.key()
    company = new_customer(1)
    own_key(company, secret=key)
    call_ai(question(company))
    Subscription.objects.all().delete()
    forget_terms()
    with pytest.raises(AccessRefused):
        call_ai(question(company))
    assert asked_with(upstream, key) == 1


def test_budgets_count_it_and_stop_it(company, upstream):
    key = upstream.sandbox.key()
    own_key(company, secret=key)
    budget = {"company_id": company.pk, "scope": BudgetScope.COMPANY, "period": BudgetPeriod.MONTH}
    limit = create_budget(**budget, limit_tokens=100_000)
    call_ai(question(company))
    use = BudgetUse.objects.get(budget_id=limit)
    assert (use.used_tokens, use.held_tokens) == (UsageLog.objects.get().own_key_tokens, 0)
    create_budget(**budget, limit_tokens=1)
    with pytest.raises(AccessRefused) as refusal:
        call_ai(question(company))
    assert refusal.value.reason == "budget_exceeded"
    assert asked_with(upstream, key) == 1


def test_it_is_made_where_the_platform_has_no_key(company, upstream, settings):
    key = upstream.sandbox.key()
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "openai": {**settings.AI_PROVIDERS["openai"], "api_key": ""}}
    with pytest.raises(NoUsableModel):
        call_ai(question(company))
    own_key(company, secret=key)
    call_ai(question(company))
    assert asked_with(upstream, key) == 1


def test_when_it_fails_the_platforms_key_at_the_next_provider_does_not_step_in(company, upstream, settings):
    key = upstream.sandbox.key()
    own_key(company, secret=key)
    settings.AI_MODELS = {"decision": "openai/sandbox-rules-1, sandbox/sandbox-rules-1"}
    upstream.sandbox.set_faults(key, {"kind": "quota"})
    with pytest.raises(CallFailed) as failure:
        call_ai(question(company))
    assert failure.value.charged_tokens == 0
    assert (asked_with(upstream, key), upstream.requests) == (1, [])


def test_a_key_that_cannot_be_decrypted_stops_the_call(company, upstream, settings):
    own_key(company)
    settings.PROVIDER_KEYS_SECRETS = ["b25lIHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGwuLi4="]
    with pytest.raises(ProviderKeyUnreadable):
        call_ai(question(company))
    assert (upstream.requests, Hold.objects.count()) == ([], 0)


def test_a_repeat_of_its_key_is_answered_from_the_store(company, upstream):
    key = upstream.sandbox.key()
    own_key(company, secret=key)
    first = call_ai(question(company, idempotency_key="k"))
    again = call_ai(question(company, idempotency_key="k"))
    assert (again.text, again.replayed, again.charged_tokens) == (first.text, True, 0)
    assert asked_with(upstream, key) == 1


def test_the_key_is_written_to_no_log(company, upstream, caplog):
    key = upstream.sandbox.key()
    own_key(company, secret=key)
    caplog.set_level("DEBUG")
    upstream.sandbox.set_faults(key, {"kind": "quota"})
    with pytest.raises(CallFailed) as failure:
        call_ai(question(company))
    assert key not in caplog.text + str(failure.value) + repr(failure.value)
