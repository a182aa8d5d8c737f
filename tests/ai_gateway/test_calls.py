"""One call's life, against the sandbox through the real SDKs: what reaches the provider, and what the books say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from ai_gateway import driving
from ai_gateway.breakers import get_breaker
from ai_gateway.calibration import forget_factors
from ai_gateway.calls import Attribution, Call, call_ai
from ai_gateway.errors import AccessRefused, CallFailed, CallUnderWay, Unattributed
from ai_gateway.models import ModelCalibration
from ai_gateway.operations import limits_of
from ai_gateway.routes import set_route
from ai_gateway.routing import forget_routes
from billing.models import Plan, RefusedModel, Subscription
from billing.prices import forget_prices
from tests.billing.factories import PriceVersionFactory
from tests.tenants.factories import UserFactory
from tests.tokens.ledger import grant, hold, new_company
from tokens import directory
from tokens.errors import KeyInUse
from tokens.models import Attempt, BudgetPeriod, BudgetScope, Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services.budgets import create_budget
from tokens.services.holds import Closing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_in_order(monkeypatch):
    """After whatever a test does: the laws hold and no hold is left open. Pauses between attempts are not slept."""
    monkeypatch.setattr(driving.time, "sleep", lambda _seconds: None)
    yield
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open", feature="").exists()


@pytest.fixture
def company():
    company = new_company(tokens=100_000)
    now = timezone.now()
    Subscription.objects.create(
        company=company,
        plan=Plan.objects.get(code="starter"),
        period_starts_at=now - timedelta(days=1),
        period_ends_at=now + timedelta(days=1),
    )
    return company


def question(company, **options):
    return Call(
        **{"company_id": company.pk, "operation": "decision", "system": "Be brief.", "user": "Hello?", **options}
    )


def test_a_call_is_held_made_and_settled_with_the_provider_s_usage(company, upstream):
    step = uuid4()
    answer = call_ai(question(company, attribution=Attribution(step_id=step), prompt_version="v1"))

    log = UsageLog.objects.get()
    [request] = upstream.requests
    assert {"input": log.input_tokens, "output": log.output_tokens}.items() <= request["reported"].items()
    assert log.charged_tokens == log.input_tokens + log.output_tokens == answer.charged_tokens
    assert (log.step_id, log.prompt_version, log.price_kind, log.provider_cost_usd) == (step, "v1", "free", 0)
    assert get_balance(company.pk).available_tokens == 100_000 - answer.charged_tokens
    assert answer.text


def test_the_same_calls_through_the_anthropic_sdk_are_accounted_alike(company, upstream, settings):
    settings.AI_MODELS = {"decision": "anthropic/claude-haiku-5-5"}

    answer = call_ai(question(company))

    log = UsageLog.objects.get()
    assert (log.provider, log.model) == ("anthropic", "claude-haiku-5-5")
    assert (log.price_kind, log.provider_cost_usd) == ("fallback", Decimal("0.125"))  # no price was loaded
    assert log.charged_tokens == answer.charged_tokens > 0


def test_a_model_without_a_price_or_a_fallback_is_refused_before_anything_is_held_or_sent(company, upstream, settings):
    settings.AI_MODELS = {"api": "anthropic/claude-haiku-5-5"}

    with pytest.raises(AccessRefused) as refusal:
        call_ai(question(company, operation="api"))

    assert refusal.value.reason == "model_not_priced"
    assert (Hold.objects.count(), upstream.requests) == (0, [])
    assert RefusedModel.objects.get().model == "claude-haiku-5-5"


def test_a_repeat_of_the_key_is_answered_from_the_store_and_not_charged(company, upstream):
    first = call_ai(question(company, idempotency_key="k"))
    again = call_ai(question(company, idempotency_key="k"))

    assert again == replace(first, replayed=True)
    assert len(upstream.requests) == 1
    assert UsageLog.objects.count() == 1


def test_a_key_of_another_request_is_refused_before_anything_is_sent(company, upstream):
    call_ai(question(company, idempotency_key="k"))

    with pytest.raises(KeyInUse):
        call_ai(question(company, idempotency_key="k", user="Something else"))

    assert len(upstream.requests) == 1


def test_a_key_in_flight_is_told_apart(company, upstream):
    call = question(company, idempotency_key="k")
    hold(company, 10, key="k", request_hash=call.request_hash, attribution=Attribution(feature="elsewhere"))

    with pytest.raises(CallUnderWay):
        call_ai(call)

    assert upstream.requests == []


def test_without_tokens_nothing_is_sent(upstream, company):
    poor = new_company(slug="poor")
    Subscription.objects.filter(company=company).update(company=poor)
    grant(poor, 20)

    with pytest.raises(AccessRefused) as refusal:
        call_ai(question(poor))

    assert (refusal.value.reason, refusal.value.available_tokens) == ("insufficient_tokens", 20)
    assert refusal.value.waits_for_tokens
    assert upstream.requests == []


def test_a_tight_balance_clamps_the_output_limit(upstream, company):
    poor = new_company(slug="poor")
    Subscription.objects.filter(company=company).update(company=poor)
    grant(poor, 900)

    call_ai(question(poor))

    [request] = upstream.requests
    assert 600 <= request["max_tokens"] < 900
    assert Hold.objects.get().held_tokens == 900


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "deactivated"}, "subscription_deactivated"),
        ({"is_current": False}, "no_subscription"),
        ({"period_ends_at": timezone.now() - timedelta(hours=1)}, "subscription_expired"),
    ],
)
def test_without_a_running_subscription_nothing_is_sent(upstream, company, change, reason):
    Subscription.objects.filter(company=company).update(**change)

    with pytest.raises(AccessRefused) as refusal:
        call_ai(question(company))

    assert refusal.value.reason == reason
    assert upstream.requests == []


def test_a_spent_budget_stops_the_call(upstream, company):
    create_budget(
        company_id=company.pk,
        scope=BudgetScope.OPERATION,
        scope_id="decision",
        period=BudgetPeriod.DAY,
        limit_tokens=50,
    )

    with pytest.raises(AccessRefused) as refusal:
        call_ai(question(company))

    assert refusal.value.reason == "budget_exceeded"
    assert upstream.requests == []


def test_a_call_that_names_nobody_is_refused(upstream):
    with pytest.raises(Unattributed):
        call_ai(Call(operation="decision", system="", user="Hello?"))

    assert Hold.objects.count() == 0


def test_the_company_follows_from_the_application(upstream, company, monkeypatch):
    application = uuid4()
    monkeypatch.setitem(directory._owner_finders, "application", {application: company.pk}.get)

    call_ai(Call(operation="decision", system="", user="Hello?", attribution=Attribution(application_id=application)))

    assert UsageLog.objects.get().company_id == company.pk


def test_a_call_on_another_company_s_application_is_refused(upstream, company, monkeypatch):
    application, other = uuid4(), new_company(slug="other", tokens=100_000)
    monkeypatch.setitem(directory._owner_finders, "application", {application: other.pk}.get)

    with pytest.raises(Unattributed):
        call_ai(question(company, attribution=Attribution(application_id=application)))

    assert Hold.objects.count() == 0


def test_a_rate_limit_is_retried_under_the_same_hold(upstream, company):
    upstream.misbehave("rate_limit")

    answer = call_ai(question(company))

    assert list(UsageLog.objects.order_by("attempt_number").values_list("status", "charged_tokens")) == [
        ("refused", 0),
        ("succeeded", answer.charged_tokens),
    ]
    assert Hold.objects.count() == 1


@pytest.mark.parametrize(
    ("fault", "code", "attempts_made", "log_status"),
    [
        ("rate_limit", "provider_rate_limited", 3, "refused"),
        ("quota", "provider_quota_spent", 1, "refused"),
        ("disconnect", "provider_unavailable", 3, "unknown"),
        ("garbage", "provider_garbled_answer", 3, "unknown"),
    ],
)
def test_a_provider_that_stays_broken_fails_plainly_and_charges_nothing(
    upstream, company, fault, code, attempts_made, log_status
):
    upstream.misbehave(*[fault] * 5)

    with pytest.raises(CallFailed) as failure:
        call_ai(question(company))

    assert (failure.value.code, failure.value.charged_tokens) == (code, 0)
    assert list(UsageLog.objects.values_list("status", flat=True)) == [log_status] * attempts_made
    assert get_balance(company.pk).available_tokens == 100_000


def test_a_wrong_key_is_not_retried(upstream, company, settings):
    settings.AI_PROVIDERS["sandbox"]["api_key"] = "wrong-key"

    with pytest.raises(CallFailed) as failure:
        call_ai(question(company))

    assert (failure.value.code, failure.value.retryable) == ("provider_key_rejected", False)
    assert "wrong-key" not in str(failure.value)
    assert Attempt.objects.count() == 1


def test_a_provider_that_cannot_be_reached_leaves_no_usage_log(upstream, company, settings):
    settings.AI_PROVIDERS["sandbox"]["base_url"] = "http://127.0.0.1:9/v1"

    with pytest.raises(CallFailed) as failure:
        call_ai(question(company))

    assert failure.value.retryable
    assert UsageLog.objects.count() == 0
    assert list(Attempt.objects.values_list("state", flat=True)) == ["not_sent"] * 3


def test_usage_above_the_output_limit_is_charged_in_full(upstream, company):
    upstream.misbehave("extra_usage", output_tokens=3_000)

    answer = call_ai(question(company))

    [request] = upstream.requests
    assert request["reported"]["output"] > request["max_tokens"]
    assert answer.charged_tokens == request["reported"]["input"] + request["reported"]["output"]


def test_an_interrupted_call_gives_its_hold_back(upstream, company, monkeypatch):
    class Shutdown(BaseException):
        pass

    class Interrupted:
        name, kind = "sandbox", "openai"

        def complete(self, _request):
            raise Shutdown

    monkeypatch.setattr("ai_gateway.calls.get_provider", lambda _name, _api_key: Interrupted())
    with pytest.raises(Shutdown):
        call_ai(question(company))

    assert UsageLog.objects.get().status == "unknown"
    assert get_balance(company.pk).available_tokens == 100_000


def test_the_answer_reaches_the_caller_when_the_database_is_away_at_settle(upstream, company, monkeypatch):
    waiting: list[Closing] = []
    monkeypatch.setattr(driving, "close_or_spool", waiting.append)

    answer = call_ai(question(company))

    assert answer.text
    Hold.objects.update(feature="settled later")
    assert [closing.state for closing in waiting] == ["settled"]


# More than one model ---------------------------------------------------------------------------------------------


@pytest.fixture
def two_providers(upstream, settings):
    """Put an OpenAI provider with a key of its own, and so with faults of its own, before the sandbox by Anthropic."""
    key = upstream.sandbox.key()
    settings.AI_PROVIDERS["first"] = {"kind": "openai", "base_url": upstream.sandbox.url, "api_key": key}
    settings.AI_MODELS = {"decision": "first/gpt-6-luna, anthropic/claude-haiku-5-5"}
    return upstream.sandbox, key


def test_another_providers_model_takes_over_and_each_attempt_is_a_row_of_its_own(company, upstream, two_providers):
    sandbox, key = two_providers
    PriceVersionFactory(provider="anthropic", model="claude-haiku-5-5", kind="listed")
    forget_prices()
    sandbox.set_faults(key, {"kind": "quota"})

    answer = call_ai(question(company))

    assert (answer.provider, Hold.objects.count()) == ("anthropic", 1)
    rows = UsageLog.objects.order_by("attempt_number").values_list("provider", "model", "status", "price_kind")
    assert list(rows) == [
        ("first", "gpt-6-luna", "refused", "unpriced"),
        ("anthropic", "claude-haiku-5-5", "succeeded", "listed"),
    ]
    assert [request["model"] for request in upstream.requests] == ["claude-haiku-5-5"]
    forget_prices()


def test_a_provider_that_is_down_is_not_asked(company, upstream, two_providers, settings):
    sandbox, key = two_providers
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker("first").fail()

    assert call_ai(question(company)).provider == "anthropic"

    assert sandbox.requests(key) == []
    assert list(Attempt.objects.values_list("provider", flat=True)) == ["anthropic"]


def test_a_company_has_the_models_that_staff_gave_it(company, upstream):
    set_route(operation="decision", company=company, chain="anthropic/claude-haiku-5-5", acting=UserFactory())
    forget_routes()

    assert call_ai(question(company)).provider == "anthropic"


def test_a_bound_that_proved_too_low_is_raised_in_the_hold(company, upstream):
    call_ai(question(company))
    ModelCalibration.objects.create(provider="sandbox", model="sandbox-rules-1", input_factor=3)
    forget_factors()
    call_ai(question(company))

    before, after = Hold.objects.order_by("placed_at").values_list("needed_tokens", flat=True)
    assert after - before == 2 * (before - limits_of("decision").output_tokens)
