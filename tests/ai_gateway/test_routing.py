"""Which models do an operation: a company's route, the platform's, the settings'; what cannot be used is left out."""

import pytest
from django.db import IntegrityError, transaction

from ai_gateway import routing
from ai_gateway.models import ModelRoute
from ai_gateway.routes import list_routes, set_route
from ai_gateway.routing import (
    NoUsableModel,
    Route,
    choose_chain,
    find_fallbacks,
    forget_routes,
    parse_chain,
    parse_chains,
)
from tests.tenants.factories import CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db

PROVIDERS = {
    "one": {"kind": "openai", "api_key": "k"},
    "two": {"kind": "anthropic", "api_key": "k"},
    "keyless": {"kind": "openai", "api_key": ""},
}


@pytest.fixture(autouse=True)
def providers(settings):
    settings.AI_PROVIDERS = PROVIDERS
    settings.AI_MODELS = {"scoring": "one/settings"}


def route(chain, company=None, operation="scoring"):
    ModelRoute.objects.create(company=company, operation=operation, chain=chain)
    forget_routes()


def chosen(company=None, operation="scoring"):
    return [str(found) for found in choose_chain(operation, company.pk if company else None)]


def test_without_a_route_the_settings_decide():
    assert chosen(CompanyFactory()) == ["one/settings"]


def test_a_companys_route_goes_before_the_platforms_and_that_before_the_settings():
    company, other = CompanyFactory(), CompanyFactory()
    route("one/platform")
    route("two/own, one/own", company)

    assert (chosen(company), chosen(other), chosen()) == (["two/own", "one/own"], ["one/platform"], ["one/platform"])


def test_a_route_is_that_of_one_operation(settings):
    settings.AI_MODELS["decision"] = "one/decides"
    route("two/scores")

    assert (chosen(operation="scoring"), chosen(operation="decision")) == (["two/scores"], ["one/decides"])


def test_settings_may_name_a_chain(settings):
    settings.AI_MODELS["scoring"] = "one/a, two/b/with/slashes ,one/a"

    assert list(choose_chain("scoring", None)) == [Route("one", "a"), Route("two", "b/with/slashes")]


def test_providers_that_are_not_set_up_are_passed_over(settings):
    settings.AI_MODELS["scoring"] = "keyless/a, unknown/b, two/c"

    assert chosen() == ["two/c"]


def test_when_none_is_left_the_error_says_what_is_wrong_with_each(settings):
    settings.AI_MODELS["scoring"] = "keyless/a, unknown/b"

    with pytest.raises(NoUsableModel) as error:
        chosen()

    assert str(error.value) == (
        "No model for 'scoring' can be used. The provider 'keyless' has no key. "
        "AI_PROVIDERS has no provider named 'unknown'."
    )


@pytest.mark.parametrize("text", ["", " , ", "gpt-6", "/gpt-6", "one/", "one/a, two"])
def test_what_is_no_chain_is_refused(settings, text):
    settings.AI_MODELS["scoring"] = text

    with pytest.raises(ValueError, match=r"provider/model|No model"):
        parse_chain(text)
    with pytest.raises(NoUsableModel):
        chosen()


def test_routes_are_read_once_in_a_while(monkeypatch, django_assert_num_queries):
    now = [0.0]
    monkeypatch.setattr(routing, "monotonic", lambda: now[0])
    chosen()
    ModelRoute.objects.create(operation="scoring", chain="two/new")
    now[0] = 5.0
    with django_assert_num_queries(0):
        assert chosen() == ["one/settings"]

    now[0] = 5.1

    with django_assert_num_queries(1):
        assert chosen() == ["two/new"]


def test_an_operation_has_one_route_of_the_platform():
    route("one/a")
    with pytest.raises(IntegrityError), transaction.atomic():
        route("one/b")


def test_a_route_set_here_is_seen_at_once(django_capture_on_commit_callbacks):
    company, person = CompanyFactory(), UserFactory()
    assert chosen(company) == ["one/settings"]

    for chain, expected in (("two/x,one/y", ["two/x", "one/y"]), ("one/z", ["one/z"]), (" ", ["one/settings"])):
        with django_capture_on_commit_callbacks(execute=True):
            set_route(operation="scoring", company=company, chain=chain, acting=person)
        assert chosen(company) == expected

    assert ModelRoute.objects.count() == 0


def test_the_list_shows_what_is_in_force(settings):
    settings.AI_OPERATIONS = ("scoring",)
    company = CompanyFactory(name="Acme")
    route("keyless/a, two/b", company)

    rows = [(row.operation, row.company, row.asked, row.trouble, row.set_by) for row in list_routes()]

    assert rows == [
        ("scoring", None, ["one/settings"], "Not priced: one/settings.", "settings"),
        ("scoring", company, ["two/b"], "Not priced: two/b.", "staff"),
    ]


# In the place of a model that a caller over HTTP named ------------------------------------------------------------


def fallbacks(first, company=None):
    return [str(found) for found in find_fallbacks(Route(*first.split("/")), company.pk if company else None)]


def test_a_chain_of_the_api_is_for_those_who_ask_for_its_first_model():
    company, other = CompanyFactory(), CompanyFactory()
    route("one/a, two/b, keyless/c; two/b, one/a", operation="api")
    route("one/a, one/own", company, operation="api")

    assert (fallbacks("one/a", other), fallbacks("two/b", other), fallbacks("one/x", other)) == (
        ["two/b"],
        ["one/a"],
        [],
    )
    assert (fallbacks("one/a", company), fallbacks("two/b", company)) == (["one/own"], [])


def test_without_a_route_of_the_api_nothing_steps_in():
    assert fallbacks("one/settings") == []


def test_a_route_of_the_api_that_cannot_be_read_stops_no_call():
    route("one/a; two/b", operation="api")

    assert fallbacks("one/a") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ; ", "No model is named."),
        ("one/a, two/b; two/b", "Name what is asked in the place of two/b."),
        ("one/a, two/b; one/a, one/c", "Two chains begin with one/a."),
        ("one/a, two", "“two” is not of the form provider/model."),
    ],
)
def test_what_are_no_chains_of_the_api_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_chains("api", text)


def test_the_list_shows_each_chain_of_the_api(settings):
    settings.AI_OPERATIONS = ()
    route("one/a, keyless/b, two/c; two/c, one/a", operation="api")

    assert [(row.operation, row.asked, row.set_by) for row in list_routes()] == [
        ("api", ["one/a", "two/c"], "staff"),
        ("api", ["two/c", "one/a"], "staff"),
    ]
