"""The staff's page of models."""

import pytest
from django.urls import reverse

from ai_gateway.breakers import get_breaker
from ai_gateway.models import ModelCalibration, ModelRoute
from ai_gateway.provider_keys import forget_provider_keys, set_provider_key
from ai_gateway.routing import forget_routes
from tests.billing.factories import PriceVersionFactory
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Forget what other tests wrote: a commit does, which a test's transaction never reaches."""
    forget_routes(), forget_provider_keys()


@pytest.fixture
def staff(client, settings):
    account = {"kind": "openai", "api_key": "k"}
    settings.AI_PROVIDERS = {"one": account, "two": account, "openai": {**account, "api_key": ""}}
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


# At a provider at which the platform has no key -------------------------------------------------------------------


def own_key(company):
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider="openai", secret="sk-0123456789abcdefghij", acting=acting)


def row_of(client, company):
    forget_routes()
    (row,) = [row for row in client.get(reverse("staff_models")).context["routes"] if row.company == company]
    return row


def test_a_company_with_its_own_key_is_routed_to_its_provider(client, staff):
    company = CompanyFactory()
    assert save(client, company=company.pk, chain="openai/x").status_code == 200
    own_key(company)  # seen by the form at once, whatever this process remembers

    assert save(client, company=company.pk, chain="openai/x").status_code == 302

    assert (ModelRoute.objects.get().company, ModelRoute.objects.get().chain) == (company, "openai/x")
    row = row_of(client, company)
    assert (list(row.asked), row.trouble, row.is_on_own_keys) == (["openai/x"], "", True)
    assert "the company’s own key" in client.get(reverse("staff_models")).content.decode()


NOT_ASKED = "Not asked, as own keys and the platform's do not mix:"


@pytest.mark.parametrize("operation", ["scoring", "api"])
def test_models_that_own_keys_leave_out_are_said_not_to_be_asked(client, staff, operation):
    PriceVersionFactory(provider="one", model="*")
    company = CompanyFactory()
    own_key(company)

    save(client, company=company.pk, operation=operation, chain="one/a, openai/x, one/b")
    row = row_of(client, company)
    assert (list(row.asked), row.trouble, row.is_on_own_keys) == (["one/a", "one/b"], f"{NOT_ASKED} openai/x.", False)

    save(client, company=company.pk, operation=operation, chain="openai/x, one/a, openai/y")
    row = row_of(client, company)
    assert (list(row.asked), row.trouble, row.is_on_own_keys) == (["openai/x", "openai/y"], f"{NOT_ASKED} one/a.", True)


def test_a_key_that_cannot_be_read_is_said(client, staff, settings):
    company = CompanyFactory()
    own_key(company)
    save(client, company=company.pk, chain="openai/x")
    settings.PROVIDER_KEYS_SECRETS = ["b25lIHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGwuLi4="]

    row = row_of(client, company)

    unreadable = f"The key of company {company.pk} at 'openai' cannot be decrypted."
    assert (list(row.asked), row.trouble) == ([], unreadable)


def test_for_others_than_the_keys_company_it_is_refused(client, staff):
    own_key(CompanyFactory())
    other = CompanyFactory(name="Brightwater")

    for company, message in (("", "only a company with its own"), (other.pk, "Brightwater needs its own")):
        page = save(client, company=company, chain="one/a, openai/x").content.decode()
        assert "The provider &#x27;openai&#x27; has no key" in page
        assert message in page
    assert ModelRoute.objects.count() == 0


def test_for_others_there_is_no_such_page(client):
    client.force_login(UserFactory(), backend="django.contrib.auth.backends.ModelBackend")

    assert (client.get(reverse("staff_models")).status_code, save(client, chain="one/a").status_code) == (404, 404)
    assert ModelRoute.objects.count() == 0
