from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from billing.services import open_company
from billing.staff import MonthOfUsage, describe_companies, list_companies, list_months_of_usage
from tests.billing.factories import SubscriptionFactory
from tests.tenants.factories import CompanyFactory, UserFactory, sign_in
from tests.tokens.ledger import grant, hold, new_company, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db


def use(company, tokens, cost=None):
    priced = {} if cost is None else {"price_kind": "listed", "provider_cost_usd": Decimal(cost)}
    settle_hold(hold_id=hold(company, tokens).hold_id, usages=[used(tokens, **priced)], answer=None)


def move_holds_back(company, days):
    """Let the holds to come fall on an earlier day: their day is the company's, by its zone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tokens_hold SET company_day = company_day - %s WHERE company_id = %s", [days, company.pk]
        )


def test_a_row_says_what_a_company_has_used_and_owes():
    company = open_company(name="Acme", time_zone="UTC", owner=UserFactory())
    use(company, 1000, cost="0.002")
    use(company, 500)
    (row,) = describe_companies([company])
    assert (row.plan, row.subscription_status, row.available) == ("Starter", "active", 98_500)
    assert (row.used_this_month, row.provider_cost_usd, row.unpriced_calls) == (1500, Decimal("0.002"), 1)
    assert row.days_left in range(28, 32)


def test_a_company_that_never_used_anything_cost_nothing():
    (row,) = describe_companies([CompanyFactory()])
    assert (row.plan, row.subscription_status, row.days_left, row.available) == ("", "no_subscription", 0, 0)
    assert (row.used_this_month, row.provider_cost_usd, row.unpriced_calls) == (0, Decimal(0), 0)


def test_a_cost_of_which_nothing_is_known_is_not_zero():
    company = new_company(tokens=100)
    use(company, 10)
    assert list_months_of_usage([company.pk])[company.pk] == MonthOfUsage(10, None, 1)


def test_debt_is_shown():
    company = new_company(tokens=100)
    use_more = hold(company, 100)
    settle_hold(hold_id=use_more.hold_id, usages=[used(130)], answer=None)
    (row,) = describe_companies([company])
    assert (row.available, row.debt_tokens) == (0, 30)


def test_the_month_before_is_not_this_month():
    company = new_company(tokens=100)
    placed = hold(company, 10)
    move_holds_back(company, days=timezone.now().day)
    settle_hold(hold_id=placed.hold_id, usages=[used(10)], answer=None)
    use(company, 5)
    assert list_months_of_usage([company.pk])[company.pk].used_tokens == 5


def test_each_company_has_its_own_figures():
    first, second = new_company(tokens=100, slug="first"), new_company(tokens=200, slug="second")
    use(second, 50)
    rows = {row.company.slug: (row.available, row.used_this_month) for row in describe_companies([first, second])}
    assert rows == {"first": (100, 0), "second": (150, 50)}


def test_the_state_of_a_subscription_is_told_by_its_reason_code():
    expired = SubscriptionFactory(period_ends_at=timezone.now() - timedelta(minutes=1)).company
    stopped = SubscriptionFactory(status="deactivated").company
    states = [row.subscription_status for row in describe_companies([expired, stopped])]
    assert states == ["subscription_expired", "subscription_deactivated"]


def test_companies_are_listed_by_name_with_the_inactive_ones():
    for name, is_active in (("Zeta", True), ("Alpha", False)):
        CompanyFactory(name=name, is_active=is_active)
    assert [company.name for company in list_companies()] == ["Alpha", "Zeta"]


def test_more_companies_take_no_more_queries(client, django_assert_num_queries):
    sign_in(client, user__is_staff=True, user__is_superuser=True)
    for number in range(3):
        grant(SubscriptionFactory(company__slug=f"few-{number}").company, 10)
    with django_assert_num_queries(12):
        client.get("/staff/")
    for number in range(20):
        grant(SubscriptionFactory(company__slug=f"many-{number}").company, 10)
    with django_assert_num_queries(12):
        client.get("/staff/")
