"""The staff's page of models."""

import pytest
from django.urls import reverse

from ai_gateway.breakers import get_breaker
from ai_gateway.models import ModelCalibration, ModelRoute
from tests.tenants.factories import CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client, settings):
    settings.AI_PROVIDERS = {"one": {"kind": "openai", "api_key": "k"}, "two": {"kind": "openai", "api_key": "k"}}
    settings.AI_MODELS = {"scoring": "one/a"}
    person = UserFactory(is_staff=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return person


def save(client, **fields):
    return client.post(reverse("staff_models"), {"operation": "scoring", "company": "", "chain": "", **fields})


def test_it_shows_routes_and_breakers(client, staff, settings):
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker("one").fail()

    page = client.get(reverse("staff_models")).content.decode()

    assert "<code>one/a</code>" in page
    assert "Open" in page


def test_a_route_is_saved_for_a_company(client, staff):
    company = CompanyFactory()

    response = save(client, company=company.pk, chain="two/b , one/a")

    assert response.status_code == 302
    saved = ModelRoute.objects.get()
    assert (saved.company, saved.operation, saved.chain) == (company, "scoring", "two/b, one/a")
    assert saved.updated_by == staff


def test_chains_of_the_api_are_saved_and_shown(client, staff):
    save(client, operation="api", chain="one/a,two/b ;two/b, one/a")

    assert ModelRoute.objects.get().chain == "one/a, two/b; two/b, one/a"
    page = client.get(reverse("staff_models")).content.decode()
    assert "<code>two/b</code>, then <code>one/a</code>" in page


def test_it_shows_how_well_holds_fit(client, staff):
    ModelCalibration.objects.create(provider="one", model="a", calls=1234, above_hold=7, input_factor="1.25")

    page = client.get(reverse("staff_models")).content.decode()

    assert [text in page for text in ("1,234", ">7<", "1.250")] == [True] * 3


def test_an_empty_chain_takes_the_route_away(client, staff):
    save(client, chain="two/b")
    save(client, chain="")

    assert ModelRoute.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"chain": "gpt-6"}, "“gpt-6” is not of the form provider/model."),
        ({"chain": f"one/{'x' * 129}"}, "none longer than 128 characters."),
        ({"chain": ",".join(f"one/{'x' * 120}{number}" for number in range(7))}, "Name at most 6 models"),
        ({"operation": "api", "chain": ";".join(f"one/{n},two/{'x' * 53}{n}" for n in range(15))}, "more than 1,000"),
        ({"chain": "one/a\x00b", "company": "nobody"}, "Null characters are not allowed."),
        ({"chain": "one/a, nobody/b"}, "AI_PROVIDERS has no provider named &#x27;nobody&#x27;."),
        ({"chain": "one/a", "operation": "cooking"}, "Select a valid choice."),
        ({"chain": "one/a", "operation": "api"}, "Name what is asked in the place of one/a."),
        ({"chain": "one/a, nobody/b", "operation": "api"}, "AI_PROVIDERS has no provider named &#x27;nobody&#x27;."),
    ],
)
def test_what_could_never_be_asked_is_not_saved(client, staff, fields, message):
    response = save(client, **fields)

    assert (response.status_code, ModelRoute.objects.count()) == (200, 0)
    assert message in response.content.decode()


def test_for_others_there_is_no_such_page(client):
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")

    assert (client.get(reverse("staff_models")).status_code, save(client, chain="one/a").status_code) == (404, 404)
    assert ModelRoute.objects.count() == 0
