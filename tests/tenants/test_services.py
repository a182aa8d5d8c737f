from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from tenants.errors import AlreadyMember, LastOwner, NotAMember, RoleNotAllowed
from tenants.models import Company, Membership, Role, User
from tenants.services import add_member, change_role, create_company, remove_member, update_company
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory


@pytest.mark.django_db
def test_a_company_is_created_with_its_owner():
    owner = UserFactory()
    company = create_company(name="Harbour & Finch", time_zone="Europe/Lisbon", owner=owner)
    assert (company.slug, company.time_zone) == ("harbour-finch", "Europe/Lisbon")
    assert list(company.memberships.values_list("user", "role")) == [(owner.pk, "owner")]


@pytest.mark.django_db
def test_a_second_company_of_the_same_name_gets_another_address():
    first = create_company(name="Acme", time_zone="UTC", owner=UserFactory())
    second = create_company(name="Acme", time_zone="UTC", owner=UserFactory())
    assert first.slug == "acme"
    assert second.slug.startswith("acme-")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "slug"), [("株式会社", "company"), ("-- Åre! --", "are"), (f"{'a' * 49} b", "a" * 49)]
)
def test_any_name_makes_an_address(name, slug):
    assert create_company(name=name, time_zone="UTC", owner=UserFactory()).slug == slug


@pytest.mark.django_db
def test_a_renamed_company_keeps_its_address():
    company = CompanyFactory(name="Old", slug="old")
    update_company(company=company, name="New", time_zone="Asia/Tokyo", answer_days=7)
    stored = Company.objects.get(pk=company.pk)
    assert (stored.name, stored.time_zone, stored.answer_days, stored.slug) == ("New", "Asia/Tokyo", 7, "old")


@pytest.mark.django_db
def test_an_unknown_address_gets_an_account_without_a_password():
    acting = MembershipFactory(role=Role.ADMIN)
    membership = add_member(company=acting.company, email="New@Example.com", role=Role.VIEWER, acting=acting)
    assert (membership.user.email, membership.role) == ("new@example.com", "viewer")
    assert not membership.user.has_usable_password()


@pytest.mark.django_db
def test_a_known_address_in_another_case_is_the_same_person():
    acting, known = MembershipFactory(), UserFactory(email="ana@example.com")
    membership = add_member(company=acting.company, email="ANA@example.com", role=Role.VIEWER, acting=acting)
    assert membership.user == known


@pytest.mark.django_db
def test_a_member_cannot_be_added_twice_and_keeps_the_role():
    acting = MembershipFactory()
    member = MembershipFactory(company=acting.company, role=Role.VIEWER)
    with pytest.raises(AlreadyMember) as refusal:
        add_member(company=acting.company, email=member.user.email, role=Role.ADMIN, acting=acting)
    assert refusal.value.membership_id == member.pk
    assert Membership.objects.get(pk=member.pk).role == "viewer"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("acting_role", "new_role"), [("admin", "owner"), ("recruiter", "viewer"), ("viewer", "viewer")]
)
def test_nobody_adds_members_beyond_their_role(acting_role, new_role):
    acting = MembershipFactory(role=acting_role)
    with pytest.raises(RoleNotAllowed):
        add_member(company=acting.company, email="new@example.com", role=new_role, acting=acting)
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.django_db
def test_an_owner_of_one_company_changes_nobody_in_another():
    acting, other = MembershipFactory(), MembershipFactory(role=Role.VIEWER)
    with pytest.raises(RoleNotAllowed):
        add_member(company=other.company, email="new@example.com", role=Role.VIEWER, acting=acting)
    MembershipFactory(company=other.company)
    with pytest.raises(RoleNotAllowed):
        change_role(membership=other, role=Role.ADMIN, acting=acting)
    with pytest.raises(RoleNotAllowed):
        remove_member(membership=other, acting=acting)
    assert list(other.company.memberships.order_by("pk").values_list("role", flat=True)) == ["viewer", "owner"]


@pytest.mark.django_db
def test_an_owner_makes_another_owner_and_steps_down():
    first = MembershipFactory()
    second = MembershipFactory(company=first.company, role=Role.ADMIN)
    change_role(membership=second, role=Role.OWNER, acting=first)
    change_role(membership=first, role=Role.RECRUITER, acting=first)
    assert list(first.company.memberships.order_by("pk").values_list("role", flat=True)) == ["recruiter", "owner"]


@pytest.mark.django_db
def test_an_admin_changes_no_owner():
    owner = MembershipFactory()
    MembershipFactory(company=owner.company)
    admin = MembershipFactory(company=owner.company, role=Role.ADMIN)
    with pytest.raises(RoleNotAllowed):
        change_role(membership=owner, role=Role.VIEWER, acting=admin)
    with pytest.raises(RoleNotAllowed):
        remove_member(membership=owner, acting=admin)
    assert Membership.objects.get(pk=owner.pk).role == "owner"


@pytest.mark.django_db
def test_what_counts_is_the_role_as_stored_and_not_as_read_before():
    owner = MembershipFactory()
    admin, member = (MembershipFactory(company=owner.company, role=Role.ADMIN) for _ in range(2))
    Membership.objects.filter(pk=member.pk).update(role=Role.OWNER)
    with pytest.raises(RoleNotAllowed):
        remove_member(membership=member, acting=admin)
    assert Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.django_db
def test_the_last_owner_can_neither_step_down_nor_leave():
    owner = MembershipFactory()
    MembershipFactory(company=owner.company, role=Role.ADMIN)
    with pytest.raises(LastOwner):
        change_role(membership=owner, role=Role.ADMIN, acting=owner)
    with pytest.raises(LastOwner):
        remove_member(membership=owner, acting=owner)
    assert Membership.objects.get(pk=owner.pk).role == "owner"


@pytest.mark.django_db
def test_somebody_who_left_meanwhile_cannot_be_changed():
    owner = MembershipFactory()
    member = MembershipFactory(company=owner.company, role=Role.VIEWER)
    Membership.objects.filter(pk=member.pk).delete()
    with pytest.raises(NotAMember):
        change_role(membership=member, role=Role.ADMIN, acting=owner)


def test_of_two_owners_who_leave_at_once_the_second_waits_and_then_stays(committed_db):
    first = MembershipFactory()
    second = MembershipFactory(company=first.company)
    with transaction.atomic():
        remove_member(membership=first, acting=second)
        with pytest.raises(OperationalError, match="lock timeout"):
            _elsewhere(lambda: remove_member(membership=second, acting=first))
    with pytest.raises(LastOwner):
        remove_member(membership=second, acting=second)


def _elsewhere(change: Callable[[], None]) -> None:
    """Do it over another connection that does not wait long for a lock."""

    def impatiently() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            change()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(impatiently).result()
