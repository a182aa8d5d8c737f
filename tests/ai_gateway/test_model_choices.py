"""A company's admins choose among the models that staff let in, and the next call is made with them."""

import pytest

from ai_gateway.calls import Call, call_ai
from ai_gateway.disclosure import is_sandbox_alone, is_sandbox_model
from ai_gateway.model_choices import choose_models, list_choices
from ai_gateway.models import ModelRoute
from ai_gateway.provider_keys import forget_provider_keys, set_provider_key
from ai_gateway.routes import set_route
from ai_gateway.routing import Route, forget_routes
from billing.prices import forget_prices
from billing.rates import forget_rates
from tenants.errors import RoleNotAllowed
from tenants.models import Role
from tests.billing.factories import PriceVersionFactory, SubscriptionFactory, WeightVersionFactory
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory, sign_in
from tests.tokens.ledger import grant
from tokens.models import UsageLog

pytestmark = pytest.mark.django_db

PROVIDERS = {
    "one": {"kind": "openai", "api_key": "k", "models": ["listed"]},
    "openai": {"kind": "openai", "api_key": ""},
    "sandbox": {"kind": "openai", "api_key": "s", "models": ["sandbox-rules-1"]},
}


@pytest.fixture(autouse=True)
def nothing_remembered():
    """Forget what other tests wrote: a commit does, which a test's transaction never reaches."""
    for forget in (forget_routes, forget_prices, forget_rates, forget_provider_keys):
        forget()


@pytest.fixture
def models(settings):
    settings.AI_PROVIDERS, settings.AI_PROVIDER = PROVIDERS, "one"
    settings.AI_MODELS = {"scoring": "one/default", "decision": "one/default"}
    settings.AI_OPERATIONS = ("scoring", "decision")
    settings.SANDBOX_ENABLED = True
    for name in ("default", "listed", "dear"):
        PriceVersionFactory(provider="one", model=name)


@pytest.fixture
def admin(client):
    return sign_in(client, Role.ADMIN, company=SubscriptionFactory().company)


def address(company, operation=""):
    return f"/c/{company.slug}/models/" + (f"{operation}/" if operation else "")


def choose(client, company, model="", fallback="", operation="scoring"):
    forget_routes()
    response = client.post(address(company, operation), {"model": model, "fallback": fallback})
    forget_routes()
    return response


def names(company, operation="scoring"):
    return [str(choice.route) for choice in list_choices(company, operation)]


def own_key(company, provider="openai"):
    acting = MembershipFactory(company=company)
    set_provider_key(company=company, provider=provider, secret="sk-0123456789abcdefghij", acting=acting)
    forget_provider_keys()


# What there is to choose from --------------------------------------------------------------------------------


@pytest.mark.usefixtures("models")
def test_choices_are_the_priced_models_of_providers_that_can_be_used(admin):
    PriceVersionFactory(provider="one", model="embedding", output_usd_per_million=None)
    PriceVersionFactory(provider="openai", model="keyless")
    PriceVersionFactory(provider="gone", model="model")
    assert names(admin.company) == ["one/dear", "one/default", "one/listed"]


@pytest.mark.usefixtures("models")
def test_a_model_that_calls_would_be_refused_for_is_no_choice(admin, settings):
    settings.AI_MODELS["scoring"] = "one/default, one/unpriced"
    settings.AI_OPERATIONS = (*settings.AI_OPERATIONS, "juggling")
    assert "one/unpriced" in names(admin.company)  # the operation has a fallback price
    assert "one/unpriced" not in names(admin.company, "juggling")
    admin.company.subscriptions.update(allows_unpriced_models=True)
    assert "one/unpriced" in names(admin.company, "juggling")


@pytest.mark.usefixtures("models")
def test_a_companys_own_key_opens_the_models_of_its_provider_to_it_alone(admin):
    PriceVersionFactory(provider="openai", model="keyless")
    own_key(admin.company)
    own = {str(choice.route) for choice in list_choices(admin.company, "scoring") if choice.is_own_key}
    assert own == {"openai/keyless"}
    assert "openai/keyless" not in names(SubscriptionFactory().company)


@pytest.mark.usefixtures("models")
def test_a_route_on_the_companys_own_key_is_said_to_take_no_tokens(client, admin):
    own_key(admin.company)
    set_route(operation="scoring", company=admin.company, chain="openai/x, one/dear", acting=UserFactory(is_staff=True))
    response = client.get(address(admin.company))
    rows = {row.operation: (row.asked, row.is_on_own_keys) for row in response.context["rows"]}
    assert rows == {"scoring": (["openai/x"], True), "decision": (["one/default"], False)}
    assert response.content.decode().count("With your own key: takes no tokens.") == 1


@pytest.mark.usefixtures("models")
def test_what_staff_route_for_one_company_is_no_choice_of_another(admin):
    PriceVersionFactory(provider="one", model="*")
    set_route(operation="decision", company=admin.company, chain="one/special", acting=UserFactory())
    assert "one/special" in names(admin.company)
    assert "one/special" not in names(SubscriptionFactory().company)


@pytest.mark.usefixtures("models")
def test_models_of_the_apis_chains_are_choices_one_by_one(admin):
    PriceVersionFactory(provider="one", model="*")
    set_route(operation="api", company=None, chain="one/a, one/b; one/c, one/d", acting=UserFactory())
    assert {"one/a", "one/b", "one/c", "one/d"} <= set(names(admin.company))
    assert not any(";" in name for name in names(admin.company))


@pytest.mark.usefixtures("models")
def test_the_sandbox_is_a_choice_only_where_it_is_everybodys_provider(admin, settings):
    assert "sandbox/sandbox-rules-1" not in names(admin.company)
    settings.AI_PROVIDER = "sandbox"
    assert "sandbox/sandbox-rules-1" in names(admin.company)


# Choosing ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("models")
def test_an_admin_chooses_models_and_goes_back_to_the_default(client, admin):
    assert choose(client, admin.company, "one/dear", "one/listed").url == address(admin.company)
    route = ModelRoute.objects.get()
    assert (route.company, route.operation, route.chain, route.updated_by) == (
        admin.company,
        "scoring",
        "one/dear, one/listed",
        admin.user,
    )
    rows = {row.operation: row for row in client.get(address(admin.company)).context["rows"]}
    assert (rows["scoring"].asked, rows["scoring"].set_by) == (["one/dear", "one/listed"], "company")
    assert (rows["decision"].asked, rows["decision"].set_by) == (["one/default"], "settings")
    form = client.get(address(admin.company, "scoring")).context["form"]
    assert (form["model"].value(), form["fallback"].value()) == ("one/dear", "one/listed")

    choose(client, admin.company)
    assert ModelRoute.objects.count() == 0


@pytest.mark.usefixtures("models")
def test_the_staffs_choice_for_all_shows_as_the_default_and_is_not_touched(client, admin):
    set_route(operation="scoring", company=None, chain="one/listed", acting=UserFactory(is_staff=True))
    page = client.get(address(admin.company, "scoring")).content.decode()
    assert "The default is one/listed." in page
    choose(client, admin.company, "one/dear")
    assert ModelRoute.objects.get(company=None).chain == "one/listed"


@pytest.mark.usefixtures("models")
def test_the_name_of_a_model_is_text_on_the_page(client, admin):
    set_route(operation="scoring", company=None, chain="one/<b>bold</b>", acting=UserFactory(is_staff=True))
    page = client.get(address(admin.company, "scoring")).content.decode()
    assert "one/&lt;b&gt;bold" in page
    assert "<b>bold" not in page


@pytest.mark.usefixtures("models")
def test_what_staff_chose_for_the_company_is_said_and_can_be_replaced(client, admin):
    set_route(operation="scoring", company=admin.company, chain="one/listed", acting=UserFactory(is_staff=True))
    assert "Winnow chose <code>one/listed</code>" in client.get(address(admin.company, "scoring")).content.decode()
    choose(client, admin.company, "one/dear")
    assert ModelRoute.objects.get().chain == "one/dear"


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("model", "fallback", "field"),
    [
        ("one/unheard-of", "", "model"),
        ("openai/keyless", "", "model"),
        ("one/dear, one/listed", "", "model"),
        ("x" * 2000, "", "model"),
        ("one/dear", "one/dear", "fallback"),
        ("", "one/dear", "fallback"),
        ("one/dear", "nobody/x", "fallback"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(client, admin, model, fallback, field):
    response = choose(client, admin.company, model, fallback)
    assert (response.status_code, list(response.context["form"].errors)) == (200, [field])
    assert ModelRoute.objects.count() == 0


@pytest.mark.usefixtures("models")
def test_own_keys_and_the_platforms_do_not_mix_in_one_chain(client, admin):
    PriceVersionFactory(provider="openai", model="keyless")
    own_key(admin.company)
    assert list(choose(client, admin.company, "openai/keyless", "one/dear").context["form"].errors) == ["fallback"]
    assert choose(client, admin.company, "openai/keyless").status_code == 302


@pytest.mark.usefixtures("models")
def test_a_model_of_another_weight_says_what_it_charges(client, admin):
    WeightVersionFactory(provider="one", model="dear")
    assert "one/dear (2 tokens for one)" in client.get(address(admin.company, "scoring")).content.decode()


@pytest.mark.usefixtures("models")
def test_an_operation_that_there_is_not_has_no_page(client, admin):
    assert client.get(address(admin.company, "juggling")).status_code == 404
    assert choose(client, admin.company, "one/dear", operation="api").status_code == 404


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("role", [Role.RECRUITER, Role.VIEWER])
def test_others_than_admins_choose_nothing(client, admin, role):
    member = sign_in(client, role, company=admin.company)
    assert choose(client, admin.company, "one/dear").status_code == 403
    with pytest.raises(RoleNotAllowed):
        choose_models(operation="scoring", routes=[Route("one", "dear")], acting=member)
    assert ModelRoute.objects.count() == 0


@pytest.mark.usefixtures("models")
def test_another_companys_models_do_not_exist(client, admin):
    other = CompanyFactory()
    assert client.get(address(other)).status_code == 404
    assert choose(client, other, "one/dear").status_code == 404
    assert ModelRoute.objects.count() == 0


@pytest.mark.usefixtures("models")
def test_the_service_refuses_what_the_form_does_not_offer(admin):
    with pytest.raises(ValueError, match="“one/unheard-of” cannot be chosen here"):
        choose_models(operation="scoring", routes=[Route("one", "unheard-of")], acting=admin)


@pytest.mark.usefixtures("models")
def test_a_choice_that_can_no_longer_be_used_is_said(client, admin, settings):
    choose(client, admin.company, "one/dear")
    settings.AI_PROVIDERS = {**PROVIDERS, "one": {"kind": "openai", "api_key": ""}}
    forget_routes()
    assert "None of these can be used now" in client.get(address(admin.company)).content.decode()


# What follows ------------------------------------------------------------------------------------------------


def test_the_next_call_is_made_with_the_model_that_was_chosen(client, admin, upstream, settings):
    settings.AI_PROVIDER = "sandbox"
    PriceVersionFactory(provider="anthropic", model="sandbox-rules-1")
    other = SubscriptionFactory().company
    grant(admin.company, 100_000), grant(other, 100_000)

    assert choose(client, admin.company, "anthropic/sandbox-rules-1", operation="decision").status_code == 302
    for company in (admin.company, other):
        call_ai(Call(company_id=company.pk, operation="decision", system="Be brief.", user="Hello?"))

    used = dict(UsageLog.objects.values_list("company_id", "provider"))
    assert used == {admin.company.pk: "anthropic", other.pk: "sandbox"}


def test_candidates_are_told_of_ai_as_soon_as_a_company_uses_any(client, admin, settings):
    settings.AI_PROVIDERS, settings.AI_PROVIDER = PROVIDERS, "sandbox"
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, "sandbox/sandbox-rules-1")
    PriceVersionFactory(provider="one", model="dear")
    assert is_sandbox_alone(admin.company.pk)
    choose(client, admin.company, "one/dear", operation="decision")
    assert not is_sandbox_alone(admin.company.pk)
    assert is_sandbox_alone(CompanyFactory().pk)


@pytest.mark.parametrize(
    ("model", "found"),
    [("sandbox/rules", True), ("other/rules", True), ("one/dear", False), ("gone/model", False), ("", False)],
)
def test_a_step_of_the_sandbox_is_known_under_any_name(settings, model, found):
    settings.AI_PROVIDERS = {**PROVIDERS, "other": {"kind": "anthropic", "base_url": settings.SANDBOX_URL}}
    assert is_sandbox_model(model) is found
