import pytest

from billing.services import open_company
from tenants.models import Company
from tests.tenants.factories import MembershipFactory, UserFactory, sign_in
from tokens.selectors import get_balance

pytestmark = pytest.mark.django_db

FIELDS = {"name": "Harbour & Finch", "time_zone": "Europe/Berlin"}


def test_the_form_shows_the_plan_a_company_begins_with(client):
    client.force_login(UserFactory())
    page = client.get("/companies/new/").content.decode()
    assert "Starter" in page
    assert "100,000 tokens each month" in page
    assert '<optgroup label="Europe">' in page


def test_a_company_is_opened_and_its_owner_led_to_its_jobs(client):
    user = UserFactory()
    client.force_login(user)
    response = client.post("/companies/new/", FIELDS)
    company = Company.objects.get()
    assert response.url == "/c/harbour-finch/jobs/"
    assert (company.name, company.time_zone) == ("Harbour & Finch", "Europe/Berlin")
    assert company.memberships.get().user == user
    assert get_balance(company.pk).available_tokens == 100_000


@pytest.mark.parametrize("wrong", [{"name": "  "}, {"time_zone": "Mars/Olympus"}, {"name": "x" * 201}])
def test_what_cannot_be_opened_is_shown_with_the_form(client, wrong):
    client.force_login(UserFactory())
    response = client.post("/companies/new/", {**FIELDS, **wrong})
    assert list(response.context["form"].errors) == list(wrong)
    assert not Company.objects.exists()


def test_who_owns_as_many_as_allowed_is_told_so(client, settings):
    settings.MAX_OWNED_COMPANIES = 1
    user = UserFactory()
    open_company(**FIELDS, owner=user)
    client.force_login(user)
    page = client.post("/companies/new/", {**FIELDS, "name": "Second"}).content.decode()
    assert "You own 1 company, which is as many as one person can open." in page
    assert Company.objects.count() == 1


def test_opening_a_company_needs_a_sign_in(client):
    assert client.post("/companies/new/", FIELDS).url == "/accounts/login/?next=/companies/new/"
    assert not Company.objects.exists()


def test_the_staff_page_exists_for_staff_alone(client):
    assert client.get("/staff/").status_code == 404
    sign_in(client)
    assert client.get("/staff/").status_code == 404
    client.force_login(UserFactory(is_staff=True))
    assert client.get("/staff/").status_code == 200


def test_staff_see_every_company_with_its_figures(client):
    company = open_company(**FIELDS, owner=UserFactory())
    MembershipFactory()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    response = client.get("/staff/")
    page = response.content.decode()
    assert "Harbour &amp; Finch" in page
    assert "100,000" in page
    assert len(response.context["rows"]) == 2
    assert client.get(next(row.url for row in response.context["rows"] if row.company == company)).status_code == 200
