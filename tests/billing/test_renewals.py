"""A subscription's next period."""

from datetime import timedelta

import pytest
from django.db.models import F

from billing.models import Plan, Subscription
from billing.services import open_company
from billing.services.renewals import renew_due_subscriptions
from tests.tenants.factories import UserFactory
from tests.tokens.ledger import hold, used
from tokens.models import Allocation
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import upkeep
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    """A company on a plan of 100,000 tokens, of which 40,000 roll over, with 30,000 used."""
    Plan.objects.filter(code="starter").update(max_rollover_tokens=40_000)
    company = open_company(name="Acme", time_zone="Asia/Tokyo", owner=UserFactory())
    settle_hold(hold_id=hold(company, 30_000).hold_id, usages=[used(30_000)], answer=None)
    return company


def end_period():
    """Move subscription and tokens 32 days back."""
    days = timedelta(days=32)
    Subscription.objects.update(
        period_starts_at=F("period_starts_at") - days, period_ends_at=F("period_ends_at") - days
    )
    Allocation.objects.filter(expires_at__isnull=False).update(
        effective_at=F("effective_at") - days, expires_at=F("expires_at") - days
    )
    for allocation in Allocation.objects.filter(source="plan"):
        subscription = Subscription.objects.get(company_id=allocation.company_id)
        day = subscription.period_starts_at.astimezone(subscription.company.zone)
        Allocation.objects.filter(pk=allocation.pk).update(source_id=f"{subscription.pk}/{day:%Y-%m-%d}")


def test_a_period_that_lasts_is_not_renewed(company):
    assert renew_due_subscriptions() == 0
    assert get_balance(company.pk).available_tokens == 70_000


def test_a_renewal_grants_the_plan_s_tokens_and_rolls_over_up_to_its_maximum(company):
    end_period()
    upkeep.expire_allocations()
    ended = Subscription.objects.get().period_ends_at

    assert renew_due_subscriptions() == 1

    subscription = Subscription.objects.get()
    assert subscription.period_starts_at == ended
    assert get_balance(company.pk).available_tokens == 140_000
    assert Allocation.objects.get(source="rollover").expires_at == subscription.period_ends_at
    assert [result for result in audit_ledger() if not result.holds] == []


def test_a_renewal_happens_once(company):
    end_period()
    renew_due_subscriptions()

    assert renew_due_subscriptions() == 0
    assert Allocation.objects.count() == 3


def test_a_deactivated_subscription_is_not_renewed(company):
    end_period()
    Subscription.objects.update(status="deactivated")

    assert renew_due_subscriptions() == 0
