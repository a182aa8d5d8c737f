from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection, transaction

from billing.errors import TooManyCompanies
from billing.models import Plan, Subscription
from billing.services import grant_period_tokens, open_company
from tenants.models import Company, User
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory
from tokens.models import Allocation, LedgerEntry
from tokens.selectors import get_balance


def open_for(owner: User, name: str = "Acme", time_zone: str = "Europe/Berlin") -> Company:
    return open_company(name=name, time_zone=time_zone, owner=owner)


@pytest.mark.django_db
def test_a_new_company_is_on_starter_with_its_tokens():
    company = open_for(owner=UserFactory())
    subscription = company.subscriptions.get()
    assert (subscription.plan_id, subscription.status, subscription.is_current) == ("starter", "active", True)
    assert get_balance(company.pk).available_tokens == 100_000


@pytest.mark.django_db
def test_the_first_period_is_a_month_of_the_companys_own_days():
    moment = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # already 1 December in Tokyo
    with patch("billing.services.subscriptions.get_database_time", return_value=moment):
        subscription = open_for(UserFactory(), time_zone="Asia/Tokyo").subscriptions.get()
    assert subscription.period_starts_at == datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert subscription.period_ends_at == datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert Allocation.objects.get().source_id == f"{subscription.pk}/2026-12-01"


@pytest.mark.django_db
def test_the_tokens_of_a_period_end_with_it():
    company = open_for(owner=UserFactory())
    allocation = Allocation.objects.get(company_id=company.pk)
    assert allocation.expires_at == company.subscriptions.get().period_ends_at
    assert (allocation.source, allocation.allocated_tokens) == ("plan", 100_000)


@pytest.mark.django_db
def test_a_period_is_granted_once():
    subscription = open_for(owner=UserFactory()).subscriptions.get()
    result = grant_period_tokens(subscription)
    assert not result.created
    assert list(LedgerEntry.objects.values_list("kind", "delta_tokens")) == [("grant", 100_000)]


@pytest.mark.django_db
def test_what_fails_half_way_leaves_nothing():
    owner = UserFactory()
    Plan.objects.filter(code="starter").update(tokens_per_period=0)  # a grant of nothing is refused, last of all
    with pytest.raises(ValueError, match="positive"):
        open_for(owner)
    assert (Company.objects.count(), Subscription.objects.count(), owner.memberships.count()) == (0, 0, 0)


@pytest.mark.django_db
def test_one_person_opens_as_many_companies_as_allowed_and_no_more(settings):
    settings.MAX_OWNED_COMPANIES = 2
    owner = UserFactory()
    open_for(owner, "First")
    open_for(owner, "Second")
    with pytest.raises(TooManyCompanies) as refusal:
        open_for(owner, "Third")
    assert (refusal.value.owned_companies, refusal.value.max_companies) == (2, 2)
    assert owner.companies.count() == 2


@pytest.mark.django_db
def test_membership_in_companies_of_others_does_not_count(settings):
    settings.MAX_OWNED_COMPANIES = 1
    owner = UserFactory()
    MembershipFactory(user=owner, role="admin")
    assert open_for(owner).slug == "acme"


@pytest.mark.django_db
def test_platform_staff_open_as_many_as_needed(settings):
    settings.MAX_OWNED_COMPANIES = 0
    assert open_for(UserFactory(is_staff=True)).slug == "acme"


def test_two_requests_at_once_do_not_share_the_last_place(committed_db):
    owner = UserFactory()

    def impatiently() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            open_for(owner, "Second")
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        open_for(owner, "First")
        with pytest.raises(OperationalError, match="lock timeout"):
            pool.submit(impatiently).result()
    assert list(Company.objects.values_list("name", flat=True)) == ["First"]


@pytest.mark.django_db
def test_a_company_has_one_current_subscription():
    company = open_for(owner=UserFactory())
    row = company.subscriptions.values("plan_id", "period_starts_at", "period_ends_at").get()
    with pytest.raises(Exception, match="billing_subscription_one_current"), transaction.atomic():
        Subscription.objects.create(company=company, **row)
    Subscription.objects.create(company=CompanyFactory(), **row)
