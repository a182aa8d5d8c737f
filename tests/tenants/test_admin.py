import pytest
from django.contrib import admin
from django.urls import reverse

from tenants.admin import LookOnlyAdmin
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory, sign_in
from tests.tokens.ledger import hold, new_company, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model.__module__.split(".")[0] in {"tenants", "tokens", "billing"}]


@pytest.fixture
def staff_client(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def _some_rows():
    company = new_company(tokens=1000)
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(40)], answer=None)
    MembershipFactory(company=company)


@pytest.mark.usefixtures("_some_rows")
@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_table_can_be_listed_searched_and_opened(staff_client, model):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert staff_client.get(reverse(f"{name}_changelist"), {"q": "acme"}).status_code == 200
    row = model._default_manager.first()
    assert row is None or staff_client.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200


def test_the_ledger_can_only_be_looked_at(rf):
    request = rf.get("/")
    request.user = UserFactory(is_staff=True, is_superuser=True)
    for model in (model for model in OURS if model._meta.app_label == "tokens"):
        model_admin = admin.site._registry[model]
        assert isinstance(model_admin, LookOnlyAdmin)
        assert model_admin.get_model_perms(request) == {"add": False, "change": False, "delete": False, "view": True}
        assert model_admin.get_actions(request) == {}


def test_staff_sign_in_where_everybody_does(client):
    response = client.get("/staff/django/login/?next=/staff/django/")
    assert response.url == "/accounts/login/?next=%2Fstaff%2Fdjango%2F"


def test_members_are_no_platform_staff(client):
    sign_in(client)
    assert client.get("/staff/django/", follow=True).status_code == 403


def test_a_company_is_deactivated_but_never_renumbered_or_deleted(staff_client):
    company = CompanyFactory(slug="acme")
    url = reverse("admin:tenants_company_change", args=[company.pk])
    fields = {"name": "Acme", "time_zone": "UTC", "slug": "other", "memberships-TOTAL_FORMS": 0}
    staff_client.post(url, {**fields, "memberships-INITIAL_FORMS": 0})
    company.refresh_from_db()
    assert (company.is_active, company.name, company.slug) == (False, "Acme", "acme")
    assert staff_client.post(reverse("admin:tenants_company_delete", args=[company.pk])).status_code == 403
