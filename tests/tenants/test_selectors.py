from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from tenants.errors import CompanyNotNamed, NotAMember
from tenants.models import Role
from tenants.selectors import (
    count_owned_companies,
    find_membership,
    get_company_of,
    list_memberships,
    list_time_zones,
)
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_memberships_are_listed_by_company_name_without_inactive_companies():
    user = UserFactory()
    for name, is_active in (("Zeta", True), ("Alpha", True), ("Gone", False)):
        MembershipFactory(user=user, company=CompanyFactory(name=name, is_active=is_active))
    MembershipFactory()
    assert [membership.company.name for membership in list_memberships(user)] == ["Alpha", "Zeta"]


def test_no_membership_is_found_in_another_company_or_one_that_does_not_exist():
    user, other = UserFactory(), MembershipFactory()
    assert find_membership(user, other.company.slug) is None
    assert find_membership(user, "no-such-company") is None


def test_the_only_company_of_a_person_needs_no_name():
    membership = MembershipFactory()
    assert get_company_of(membership.user) == membership.company


def test_with_several_companies_one_has_to_be_named():
    first = MembershipFactory()
    second = MembershipFactory(user=first.user)
    with pytest.raises(CompanyNotNamed, match="2 companies"):
        get_company_of(first.user)
    assert get_company_of(first.user, second.company) == second.company


def test_a_company_of_others_cannot_be_named():
    membership, other = MembershipFactory(), CompanyFactory()
    with pytest.raises(NotAMember):
        get_company_of(membership.user, other)


def test_a_person_without_a_company_has_none_to_return():
    with pytest.raises(NotAMember):
        get_company_of(UserFactory())


def test_only_ownership_counts_as_owning_and_inactive_companies_count_too():
    user = UserFactory()
    MembershipFactory(user=user, company=CompanyFactory(is_active=False))
    MembershipFactory(user=user)
    MembershipFactory(user=user, role=Role.ADMIN)
    assert count_owned_companies(user) == 2


def test_every_zone_to_choose_from_is_known_to_python_and_to_the_database():
    zones = list_time_zones()
    assert {"UTC", "Europe/Berlin", "Asia/Tokyo", "America/Argentina/Buenos_Aires"} <= set(zones)
    assert not [zone for zone in zones if zone.startswith("Etc/") or "/" not in zone and zone != "UTC"]
    with connection.cursor() as cursor:
        for zone in zones:
            ZoneInfo(zone)
            cursor.execute("SELECT now() AT TIME ZONE %s", [zone])
