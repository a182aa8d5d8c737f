import pytest

from tenants.models import Role
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory, sign_in

pytestmark = pytest.mark.django_db


def test_signed_out_people_see_what_winnow_is(client):
    response = client.get("/")
    assert response.status_code == 200
    assert 'href="/accounts/signup/"' in response.content.decode()


def test_a_member_of_one_company_is_led_to_its_jobs(client):
    membership = sign_in(client, Role.VIEWER)
    assert client.get("/").url == f"/c/{membership.company.slug}/jobs/"


def test_a_member_of_several_companies_chooses(client):
    first = sign_in(client, Role.VIEWER)
    second = MembershipFactory(user=first.user, role=Role.ADMIN)
    page = client.get("/").content.decode()
    assert f'href="/c/{first.company.slug}/jobs/"' in page
    assert f'href="/c/{second.company.slug}/tokens/"' in page
    assert f'href="/c/{first.company.slug}/tokens/"' not in page


def test_somebody_without_a_company_opens_one(client):
    client.force_login(UserFactory())
    assert client.get("/").url == "/companies/new/"


def test_an_inactive_company_is_no_place_to_be_led_to(client):
    sign_in(client, company=CompanyFactory(is_active=False))
    assert client.get("/").url == "/companies/new/"


def test_platform_staff_are_led_to_all_companies(client):
    client.force_login(UserFactory(is_staff=True))
    assert client.get("/").url == "/staff/"


def test_my_tokens_leads_an_admin_to_the_token_page(client):
    membership = sign_in(client, Role.ADMIN)
    MembershipFactory(user=membership.user, role=Role.VIEWER)
    assert client.get("/admin/tokens/").url == f"/c/{membership.company.slug}/tokens/"


def test_my_tokens_of_several_companies_are_a_choice(client):
    first = sign_in(client, Role.ADMIN)
    second = MembershipFactory(user=first.user, role=Role.OWNER)
    page = client.get("/admin/tokens/").content.decode()
    assert f'href="/c/{first.company.slug}/tokens/"' in page
    assert f'href="/c/{second.company.slug}/tokens/"' in page


def test_my_tokens_tell_a_recruiter_who_can_help(client):
    sign_in(client, Role.RECRUITER)
    response = client.get("/admin/tokens/")
    assert response.status_code == 403
    assert "An owner or admin can give you another role" in response.content.decode()


def test_my_tokens_without_a_company_say_so(client):
    client.force_login(UserFactory())
    assert "You belong to no company yet" in client.get("/admin/tokens/").content.decode()


def test_my_tokens_need_a_sign_in(client):
    assert client.get("/admin/tokens/").url == "/accounts/login/?next=/admin/tokens/"
