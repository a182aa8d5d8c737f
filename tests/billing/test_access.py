from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import remembering
from billing.access import (
    DEACTIVATED,
    TERMS_SECONDS,
    admit_model,
    check_ai_access,
    check_ai_access_for_user,
    check_subscription,
    get_terms,
    get_terms_cached,
)
from billing.models import Subscription
from tenants.errors import CompanyNotNamed, NotAMember
from tests.billing.factories import PriceVersionFactory, SubscriptionFactory
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory
from tests.tokens.ledger import grant, hold, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db


def subscribed(tokens=0, **facts):
    company = SubscriptionFactory(**facts).company
    if tokens:
        grant(company, tokens)
    return company


def test_a_company_with_enough_tokens_has_access():
    company = subscribed(tokens=1000)
    settle_hold(hold_id=hold(company, 300).hold_id, usages=[used(200)], answer=None)
    assert asdict(check_ai_access(company.pk, estimated_tokens=800)) == {
        "has_access": True,
        "reason": "",
        "message": "",
        "tokens_remaining": 800,
        "original_tokens": 1000,
        "consumed_tokens": 200,
        "days_remaining": 20,
    }


def test_held_tokens_are_not_remaining():
    company = subscribed(tokens=1000)
    hold(company, 300)
    decision = check_ai_access(company.pk, estimated_tokens=701)
    assert (decision.reason, decision.tokens_remaining, decision.consumed_tokens) == ("insufficient_tokens", 700, 0)


@pytest.mark.parametrize(
    ("facts", "reason", "days"),
    [
        ({"status": "deactivated"}, "subscription_deactivated", 20),
        ({"company__is_active": False}, "subscription_deactivated", 20),
        ({"period_ends_at": timezone.now() - timedelta(seconds=1)}, "subscription_expired", 0),
        ({"is_current": False}, "no_subscription", 0),
    ],
)
def test_a_subscription_that_does_not_admit_says_why_whatever_the_balance(facts, reason, days):
    decision = check_ai_access(subscribed(tokens=1000, **facts).pk, estimated_tokens=1)
    assert (decision.has_access, decision.reason, decision.days_remaining) == (False, reason, days)
    assert decision.tokens_remaining == 1000
    assert decision.message


def test_a_company_without_a_subscription_is_refused():
    assert check_ai_access(CompanyFactory().pk, estimated_tokens=1).reason == "no_subscription"
    assert check_ai_access(987_654_321, estimated_tokens=1).reason == "no_subscription"


def test_without_tokens_even_nothing_is_refused():
    decision = check_ai_access(subscribed().pk, estimated_tokens=0)
    assert (decision.has_access, decision.reason) == (False, "no_tokens_remaining")


def test_debt_is_as_good_as_no_tokens():
    company = subscribed(tokens=100)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(150)], answer=None)
    decision = check_ai_access(company.pk, estimated_tokens=1)
    assert (decision.reason, decision.tokens_remaining) == ("no_tokens_remaining", 0)


def test_a_refusal_for_tokens_names_the_feature_and_the_numbers():
    decision = check_ai_access(subscribed(tokens=1200).pk, estimated_tokens=3000, feature_name="Scoring")
    assert decision.message == "Scoring needs about 3,000 tokens and 1,200 are left."


def test_exactly_enough_is_enough():
    assert check_ai_access(subscribed(tokens=500).pk, estimated_tokens=500).has_access


def test_a_begun_day_counts_as_a_day():
    company = subscribed(period_ends_at=timezone.now() + timedelta(hours=1))
    assert get_terms(company.pk).days_remaining == 1


def test_the_subscription_is_one_query(django_assert_num_queries):
    company = subscribed()
    with django_assert_num_queries(1):
        assert check_subscription(company.pk) is None


def test_the_margin_is_the_companys_own_or_else_the_plans():
    assert get_terms(subscribed().pk).margin_percent == Decimal(25)
    assert get_terms(subscribed(margin_percent=Decimal(0)).pk).margin_percent == Decimal(0)


def test_a_users_only_company_decides():
    membership = MembershipFactory(company=subscribed(tokens=10), role="viewer")
    assert check_ai_access_for_user(membership.user, 10).has_access
    assert check_ai_access_for_user(membership.user, 11, "Scoring").reason == "insufficient_tokens"


def test_of_several_companies_the_named_one_decides():
    first = MembershipFactory(company=subscribed(tokens=10))
    second = MembershipFactory(user=first.user, company=subscribed())
    with pytest.raises(CompanyNotNamed):
        check_ai_access_for_user(first.user, 1)
    assert check_ai_access_for_user(first.user, 1, company=first.company).has_access
    assert check_ai_access_for_user(first.user, 1, company=second.company).reason == "no_tokens_remaining"


def test_a_company_of_others_decides_nothing():
    with pytest.raises(NotAMember):
        check_ai_access_for_user(MembershipFactory().user, 1, company=subscribed(tokens=10))


def test_a_user_without_a_company_has_no_subscription():
    decision = check_ai_access_for_user(UserFactory(), 1)
    assert (decision.has_access, decision.reason) == (False, "no_subscription")
    assert decision.message == "You belong to no company yet. Create one to use AI."


def test_terms_are_remembered_for_two_seconds(monkeypatch, django_assert_num_queries):
    clock = [100.0]
    monkeypatch.setattr(remembering, "monotonic", lambda: clock[0])
    company = subscribed()
    assert get_terms_cached(company.pk).refusal is None
    Subscription.objects.update(status="deactivated")
    clock[0] += TERMS_SECONDS
    with django_assert_num_queries(0):
        assert get_terms_cached(company.pk).refusal is None
    clock[0] += 0.1
    assert get_terms_cached(company.pk).refusal == DEACTIVATED


def test_a_model_without_a_price_is_refused():
    terms = get_terms(subscribed().pk)
    assert admit_model(terms, "openai", "no-such-model", "api").reason == "model_not_priced"


def test_a_model_with_a_price_is_admitted():
    PriceVersionFactory()
    assert admit_model(get_terms(subscribed().pk), "openai", "gpt-test", "api") is None


def test_a_price_that_is_still_to_come_is_none():
    PriceVersionFactory(effective_from=timezone.now() + timedelta(hours=1))
    assert admit_model(get_terms(subscribed().pk), "openai", "gpt-test", "api").reason == "model_not_priced"


def test_a_model_without_a_price_is_for_operations_with_a_fallback():
    terms = get_terms(subscribed().pk)
    assert admit_model(terms, "openai", "no-such-model", "cv_parse") is None
    assert admit_model(terms, "openai", "no-such-model", "transcription").reason == "model_not_priced"


def test_a_company_may_be_allowed_models_without_a_price():
    terms = get_terms(subscribed(allows_unpriced_models=True).pk)
    assert admit_model(terms, "openai", "no-such-model", "api") is None
