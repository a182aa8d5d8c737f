from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from billing.models import RefusedModel
from billing.prices import forget_prices
from billing.services import open_company
from billing.staff_prices import list_wanted_models
from tenants.models import Company
from tests.billing.factories import PriceVersionFactory
from tests.tenants.factories import MembershipFactory, UserFactory, sign_in
from tests.tokens.ledger import hold, new_company, used
from tokens.selectors import get_balance
from tokens.services.holds import settle_hold

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


def ask_for(model, operation="api", refusals=1):
    RefusedModel.objects.create(provider="openai", model=model, operation=operation, refusals=refusals)


def overview(client):
    client.force_login(UserFactory(is_staff=True))
    return client.get("/staff/").content.decode()


def test_staff_are_told_at_once_which_models_are_asked_for_and_not_priced(client):
    ask_for("gpt-next", refusals=1234)
    ask_for("gpt-next", "scoring", refusals=2)
    company = new_company(tokens=100)
    unpriced = hold(company, 10, provider="openai", model="gpt-used")
    settle_hold(hold_id=unpriced.hold_id, usages=[used(10, price_kind="unpriced")], answer=None)

    page = overview(client)

    today = date_format(timezone.now(), "j N Y")
    assert "openai/gpt-next is asked for and has no price" in page
    assert f"Calls refused since {today}: at least 1,236." in page
    assert "openai/gpt-used is asked for and has no price" in page
    assert "Calls made in 7 days without a known cost: 1." in page
    assert page.index("gpt-next is") < page.index("gpt-used is")
    assert client.get(reverse("staff_price", args=["openai", "gpt-next"])).status_code == 200
    assert reverse("staff_price", args=["openai", "gpt-next"]) in page


def test_once_it_is_priced_or_nobody_asks_any_more_nothing_is_shown(client):
    ask_for("gpt-next")
    ask_for("gpt-old")
    RefusedModel.objects.filter(model="gpt-old").update(last_refused_at=timezone.now() - timedelta(days=8))
    PriceVersionFactory(provider="openai", model="gpt-next")
    forget_prices()

    assert "has no price" not in overview(client)


def test_many_models_without_a_price_take_as_many_queries_as_one(client, django_assert_num_queries):
    ask_for("gpt-next")
    client.force_login(UserFactory(is_staff=True))
    client.get("/staff/")
    with CaptureQueriesContext(connection) as one:
        client.get("/staff/")
    for number in range(7):
        ask_for(f"gpt-next-{number}")

    with django_assert_num_queries(len(one)):
        page = client.get("/staff/").content.decode()

    assert page.count("is asked for and has no price") == 5
    assert "3 more models are asked for and not priced" in page


def test_wanted_models_are_read_in_two_queries(django_assert_num_queries):
    ask_for("gpt-next")
    list_wanted_models()

    with django_assert_num_queries(2):
        assert [model.refused for model in list_wanted_models()] == [1]
