import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from tenants.models import Role, User, validate_time_zone
from tests.tenants.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_address_is_stored_in_lower_case_and_trimmed():
    assert User.objects.create_user(" Ana.Silva@Example.COM ").email == "ana.silva@example.com"


def test_a_form_brings_an_address_into_its_stored_spelling():
    user = UserFactory.build(email="Ana@Example.com")
    user.clean()
    assert user.email == "ana@example.com"


def test_the_database_refuses_an_address_in_another_case():
    UserFactory(email="ana@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="ANA@example.com")
    assert User.objects.count() == 1


def test_somebody_without_a_password_cannot_sign_in_with_an_empty_one():
    user = User.objects.create_user("ana@example.com")
    assert not user.has_usable_password()
    assert not user.check_password("")


def test_a_person_is_shown_by_name_or_else_by_address():
    assert str(UserFactory(name="Ana")) == "Ana"
    assert str(UserFactory(name="", email="bo@example.com")) == "bo@example.com"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, {"owner", "admin", "recruiter", "viewer"}),
        (Role.ADMIN, {"admin", "recruiter", "viewer"}),
        (Role.RECRUITER, {"recruiter", "viewer"}),
        (Role.VIEWER, {"viewer"}),
    ],
)
def test_a_role_may_do_what_the_lesser_roles_may(role, allowed):
    membership = MembershipFactory.build(role=role)
    assert {other for other in Role.values if membership.allows(other)} == allowed


def test_the_database_refuses_an_unknown_role():
    with pytest.raises(IntegrityError), transaction.atomic():
        MembershipFactory(role="emperor")


def test_a_time_zone_has_to_be_a_known_one():
    validate_time_zone("Asia/Tokyo")
    with pytest.raises(ValidationError, match="is not a time zone"):
        validate_time_zone("Mars/Olympus")
