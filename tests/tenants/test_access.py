import pytest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from structlog.contextvars import get_contextvars

from tenants.access import company_view
from tenants.models import Role
from tests.tenants.factories import CompanyFactory, MembershipFactory, sign_in

pytestmark = pytest.mark.django_db


def test_a_member_with_the_role_is_admitted(client):
    membership = sign_in(client, Role.ADMIN)
    assert client.get(f"/c/{membership.company.slug}/members/").status_code == 200


def test_a_member_below_the_role_is_told_so(client):
    membership = sign_in(client, Role.RECRUITER)
    response = client.get(f"/c/{membership.company.slug}/members/")
    assert response.status_code == 403
    assert f"You are recruiter of {membership.company.name}" in response.content.decode()


def test_a_company_of_others_does_not_exist(client):
    sign_in(client, Role.OWNER)
    other = CompanyFactory()
    theirs = client.get(f"/c/{other.slug}/members/")
    nobodys = client.get("/c/no-such-company/members/")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert other.name not in theirs.content.decode()


def test_a_deactivated_company_does_not_exist_for_its_members(client):
    membership = sign_in(client, Role.OWNER, company=CompanyFactory(is_active=False))
    assert client.get(f"/c/{membership.company.slug}/members/").status_code == 404


def test_signed_out_people_sign_in_first_and_come_back(client):
    company = CompanyFactory()
    response = client.get(f"/c/{company.slug}/members/?page=2")
    assert response.status_code == 302
    assert response.url == f"/accounts/login/?next=/c/{company.slug}/members/%3Fpage%3D2"


def test_a_part_of_a_page_is_not_filled_with_the_sign_in_page(client):
    response = client.get(f"/c/{CompanyFactory().slug}/members/", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"], response.content) == (200, "true", b"")


def test_inside_a_view_time_and_log_lines_are_the_companys(client, rf):
    membership = MembershipFactory(company__time_zone="Asia/Tokyo")
    seen = {}

    @company_view(Role.VIEWER)
    def view(_request: HttpRequest) -> HttpResponse:
        seen.update(zone=timezone.get_current_timezone_name(), **get_contextvars())
        return HttpResponse()

    request = rf.get("/")
    request.user, request.htmx = membership.user, False
    view(request, membership.company.slug)
    assert seen == {"zone": "Asia/Tokyo", "company_id": membership.company_id}
    assert (timezone.get_current_timezone_name(), get_contextvars()) == ("UTC", {})
