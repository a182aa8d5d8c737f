from datetime import timedelta

import pytest
from django.utils import timezone

from billing.selectors import find_current_subscription
from tests.billing.factories import SubscriptionFactory
from tests.tenants.factories import CompanyFactory
from tokens.directory import PlanSummary, summarise_plan

pytestmark = pytest.mark.django_db


def test_only_the_current_subscription_is_found():
    current = SubscriptionFactory()
    SubscriptionFactory(company=current.company, is_current=False)
    assert find_current_subscription(current.company_id) == current
    assert find_current_subscription(CompanyFactory().pk) is None


@pytest.mark.parametrize("status", ["active", "deactivated"])
def test_the_ledgers_pages_learn_the_plan(status):
    subscription = SubscriptionFactory(status=status)
    assert summarise_plan(subscription.company) == PlanSummary("Starter", status, subscription.period_ends_at)


def test_a_plan_whose_period_is_over_is_shown_as_expired():
    subscription = SubscriptionFactory(period_ends_at=timezone.now() - timedelta(seconds=1))
    assert summarise_plan(subscription.company).status == "expired"


def test_a_company_without_a_subscription_has_no_plan_to_show():
    assert summarise_plan(CompanyFactory()) is None
