"""Every address × every role × people of other companies.

The addresses are taken from the URLconf, so a new view is covered the day it is added: it fails here until it is
declared below, and then as long as it lets in anybody whom its declaration does not.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path, reverse

from billing.models import PriceVersion
from tenants.access import company_view
from tenants.models import Company, Role
from tests.applications.factories import ApplicationFactory, JobFactory
from tests.tenants.factories import CompanyFactory, MembershipFactory, UserFactory, new_api_key, sign_in

# Pages of one company, and the least role that opens them.
LEAST_ROLE: Mapping[str, str] = {
    "token_page": Role.ADMIN,
    "member_list": Role.ADMIN,
    "member_add": Role.ADMIN,
    "member_role": Role.ADMIN,
    "member_remove": Role.ADMIN,
    "company_settings": Role.ADMIN,
    "job_list": Role.VIEWER,
    "job_detail": Role.VIEWER,
    "job_new": Role.RECRUITER,
    "job_edit": Role.RECRUITER,
    "application_list": Role.VIEWER,
    "application_detail": Role.VIEWER,
    "application_progress": Role.VIEWER,
    "application_resieve": Role.RECRUITER,
    "step_retry": Role.RECRUITER,
    "cv_download": Role.RECRUITER,
    "api_key_list": Role.ADMIN,
    "api_key_new": Role.ADMIN,
    "api_key_detail": Role.ADMIN,
    "api_key_budget": Role.ADMIN,
    "api_key_revoke": Role.ADMIN,
    "model_list": Role.ADMIN,
    "model_choice": Role.ADMIN,
    "provider_key_list": Role.ADMIN,
    "provider_key_set": Role.ADMIN,
    "provider_key_remove": Role.ADMIN,
}
# Pages of whoever is signed in.
SIGNED_IN = {"my_tokens", "company_new", "account_email", "account_change_password", "account_set_password"}
# Pages that exist for the platform staff alone.
STAFF = {
    "staff_company_list",
    "staff_ledger",
    "staff_audit",
    "staff_models",
    "staff_prices",
    "staff_price",
    "staff_operation_rate",
    "staff_withdraw",
}
# Pages for everybody, signed in or not.
PUBLIC = {
    *("home", "healthz", "readyz"),
    *("careers_company", "careers_job", "careers_thanks"),
    *("account_login", "account_logout", "account_signup", "account_inactive", "account_reauthenticate"),
    *("account_email_verification_sent", "account_confirm_email", "account_confirm_login_code"),
    *("account_reset_password", "account_reset_password_done"),
    *("account_reset_password_from_key", "account_reset_password_from_key_done"),
}
# Pages for machines that show a token; for people they do not exist.
MACHINES = {"metrics"}
DJANGO_ADMIN = "admin"  # a namespace with its own guard, tested as a whole

# What stands in an address for a parameter: something that exists in the company.
FILL: Mapping[str, Callable[[Company], Any]] = {
    "company_slug": lambda company: company.slug,
    "membership_id": lambda company: MembershipFactory(company=company, role=Role.VIEWER).pk,
    "job_slug": lambda company: JobFactory(company=company).slug,
    "application_id": lambda company: ApplicationFactory(job__company=company).pk,
    "step_id": lambda company: ApplicationFactory(job__company=company).runs.get().steps.get(position=1).pk,
    "api_key_id": lambda company: new_api_key(company)[0].pk,
    "provider": lambda _company: "sandbox",
    "model": lambda _company: "*",
    "operation": lambda _company: "cv_parse",
    "terms": lambda _company: "price",
    "terms_id": lambda _company: PriceVersion.objects.get(provider="sandbox").pk,
    "provider_name": lambda _company: "openai",
    "uidb36": lambda _company: "1",
    "key": lambda _company: "no-such-key",
}


# The URLconf -------------------------------------------------------------------------------------------------


def walk(resolver: URLResolver, namespaces: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the full name of every address; one without a name ends in nothing."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from walk(entry, (*namespaces, entry.namespace) if entry.namespace else namespaces)
        else:
            yield ":".join([*namespaces, entry.name or ""])


def list_names(resolver: URLResolver, *, of_admin: bool = False) -> set[str]:
    return {name for name in walk(resolver) if name.startswith(f"{DJANGO_ADMIN}:") == of_admin}


def parameters_of(name: str) -> list[str]:
    """Name the parameters of an address, those of the groups around it included."""
    possibilities = get_resolver().reverse_dict.getlist(name)[0][0]
    return list(possibilities[0][1])


def address_of(name: str, company: Company) -> str:
    missing = [parameter for parameter in parameters_of(name) if parameter not in FILL]
    assert not missing, f"say in FILL what {missing} of {name} can be"
    return reverse(name, kwargs={parameter: FILL[parameter](company) for parameter in parameters_of(name)})


def list_undeclared(resolver: URLResolver) -> set[str]:
    return list_names(resolver) - {*LEAST_ROLE, *SIGNED_IN, *STAFF, *PUBLIC, *MACHINES}


# Who comes ---------------------------------------------------------------------------------------------------


def new_client() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def company():
    return CompanyFactory()


@pytest.fixture
def visitors(company):
    """A client for each kind of person; each role has a member of the company."""
    clients = {"anonymous": new_client(), "stranger": new_client(), "staff": new_client()}
    sign_in(clients["stranger"], Role.OWNER)
    clients["staff"].force_login(UserFactory(is_staff=True, is_superuser=True))
    for role in Role.values:
        clients[role] = new_client()
        sign_in(clients[role], role, company=company)
    return clients


def outcome(response: HttpResponse) -> str:
    """Tell in a word what a response means for the one who asked."""
    if response.status_code in (301, 302) and urlsplit(response["Location"]).path == reverse("account_login"):
        return "login"
    words = {403: "forbidden", 404: "missing", 405: "method", 429: "throttled"}
    return words.get(response.status_code, "error" if response.status_code >= 400 else "served")


def outcomes(client: Client, address: str) -> tuple[str, str]:
    return outcome(client.get(address)), outcome(client.post(address))


def is_refused(found: tuple[str, str], *allowed: str) -> bool:
    """Both ways of asking are refused; one of them may not exist for the address."""
    return set(found) <= {*allowed, "method"} and not set(found) <= {"method"}


def list_violations(address: str, least_role: str, visitors: Mapping[str, Client]) -> list[str]:
    """List whom a company's address treats other than its least role says."""
    wrong = []
    for who, allowed in (("anonymous", "login"), ("stranger", "missing"), ("staff", "missing")):
        found = outcomes(visitors[who], address)
        if not is_refused(found, allowed):
            wrong.append(f"{who}: {found} instead of {allowed}")
    ranked = list(reversed(Role.values))  # from the least to the most
    for role in ranked:
        if ranked.index(role) < ranked.index(least_role):
            found = outcomes(visitors[role], address)
            if not is_refused(found, "forbidden", "missing"):
                wrong.append(f"{role}: {found} instead of forbidden")
        elif (answer := outcome(visitors[role].get(address))) not in {"served", "method"}:
            wrong.append(f"{role}: {answer} instead of served")
    return wrong


# The tests ---------------------------------------------------------------------------------------------------


def test_every_address_is_declared_with_whom_it_is_for():
    assert list_undeclared(get_resolver()) == set()


def test_what_is_declared_exists():
    assert {*LEAST_ROLE, *SIGNED_IN, *STAFF, *PUBLIC} - list_names(get_resolver()) == set()


def test_every_address_that_names_a_company_is_one_of_its_pages_or_public():
    scoped = {name for name in list_names(get_resolver()) if "company_slug" in parameters_of(name)}
    assert scoped - {*LEAST_ROLE, *PUBLIC} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(LEAST_ROLE))
def test_a_companys_page_lets_in_its_members_from_its_least_role_up(name, company, visitors):
    assert list_violations(address_of(name, company), LEAST_ROLE[name], visitors) == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(SIGNED_IN))
def test_a_personal_page_needs_a_sign_in_and_no_role(name, company, visitors):
    address = address_of(name, company)
    assert is_refused(outcomes(visitors["anonymous"], address), "login")
    assert outcome(visitors["owner"].get(address)) == "served"


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(STAFF))
def test_a_staff_page_exists_for_staff_alone(name, company, visitors):
    address = address_of(name, company)
    for who in ("anonymous", "stranger", *Role.values):
        assert is_refused(outcomes(visitors[who], address), "missing"), who
    assert outcome(visitors["staff"].get(address)) in {"served", "method"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_machines_page_exists_for_no_person(name, company, visitors):
    address = address_of(name, company)
    for who, visitor in visitors.items():
        assert is_refused(outcomes(visitor, address), "missing"), who


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_page_is_for_everybody(name, company, visitors):
    address = address_of(name, company)
    for who in ("anonymous", "stranger", "staff", Role.VIEWER):
        assert outcome(visitors[who].get(address)) in {"served", "method", "login"}, who


@pytest.mark.django_db
def test_no_page_of_the_django_admin_opens_for_members(visitors):
    names = list_names(get_resolver(), of_admin=True) - {"admin:", "admin:login", "admin:logout"}
    addresses = {_admin_address(name) for name in names}
    assert len(addresses) > 20
    for who in ("anonymous", "stranger", Role.OWNER):
        opened = {address for address in addresses if not _leads_to_sign_in(visitors[who], address)}
        assert opened == set(), who


def _admin_address(name: str) -> str:
    resolver = get_resolver().namespace_dict[DJANGO_ADMIN][1]
    possibilities = resolver.reverse_dict.getlist(name.removeprefix(f"{DJANGO_ADMIN}:"))[0][0]
    given = {"object_id": "1", "app_label": "tenants", "content_type_id": "1"}
    return reverse(name, kwargs={parameter: given[parameter] for parameter in possibilities[0][1]})


def _leads_to_sign_in(client: Client, address: str) -> bool:
    response = client.get(address)
    return response.status_code == 302 and response["Location"].startswith(reverse("admin:login"))


# The controls: these tests can fail -----------------------------------------------------------------------------


def _unguarded(_request: HttpRequest, company_slug: str) -> HttpResponse:
    return HttpResponse(company_slug)


@company_view(Role.VIEWER)
def _too_open(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@company_view(Role.OWNER)
def _too_closed(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class _WithMistakes:
    urlpatterns: list[URLPattern | URLResolver] = [
        path("c/<slug:company_slug>/unguarded/", _unguarded, name="unguarded"),
        path("c/<slug:company_slug>/too-open/", _too_open, name="too_open"),
        path("c/<slug:company_slug>/too-closed/", _too_closed, name="too_closed"),
        path("", include("config.urls")),
    ]


@pytest.fixture
def _mistakes(settings):
    settings.ROOT_URLCONF = _WithMistakes


@pytest.mark.usefixtures("_mistakes")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("unguarded", ["anonymous", "stranger", "staff", "viewer", "recruiter"]),
        ("too_open", ["viewer", "recruiter"]),
        ("too_closed", ["admin"]),
    ],
)
def test_a_view_that_lets_in_others_than_declared_is_caught(name, caught, company, visitors):
    violations = list_violations(address_of(name, company), Role.ADMIN, visitors)
    assert [violation.partition(":")[0] for violation in violations] == caught


@pytest.mark.usefixtures("_mistakes")
def test_a_view_that_nobody_declared_is_caught():
    assert list_undeclared(get_resolver()) == {"unguarded", "too_open", "too_closed"}
