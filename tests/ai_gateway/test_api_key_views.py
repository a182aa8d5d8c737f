"""The pages of API keys. Who may open them: test_every_url.py; how they look: tests/browser/test_every_look.py."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from tenants.models import ApiKey, Role
from tenants.services import revoke_api_key
from tests.tenants.factories import CompanyFactory, new_api_key, sign_in
from tests.tenants.keys import find_api_key
from tests.tokens.ledger import grant, hold, used
from tokens.errors import BudgetExceeded
from tokens.models import Budget, BudgetAction, BudgetPeriod, BudgetScope
from tokens.services.budgets import set_budget
from tokens.services.holds import Attribution, settle_hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    return sign_in(client, Role.ADMIN)


def create(client, company, **fields):
    fields = {
        "name": "Nightly import",
        "scopes": ["inference"],
        "period": "month",
        "action": "stop",
        **fields,
    }
    return client.post(f"/c/{company.slug}/keys/new/", fields)


def page_of(client, company, path=""):
    return client.get(f"/c/{company.slug}/keys/{path}").content.decode()


def text_of(page):
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


# Making a key ------------------------------------------------------------------------------------------------


def test_a_key_is_made_and_its_secret_shown_in_that_response_alone(client, admin):
    page = create(client, admin.company).content.decode()
    (secret,) = set(re.findall(r"wnw_[0-9a-f]{64}", page))
    assert find_api_key(secret) == ApiKey.objects.get(company=admin.company, created_by=admin.user)
    for path in ("", f"{ApiKey.objects.get().pk}/", "new/", f"{ApiKey.objects.get().pk}/revoke/"):
        assert secret[8:] not in page_of(client, admin.company, path)


def test_the_secret_is_kept_neither_by_caches_nor_in_the_session(client, admin):
    response = create(client, admin.company)
    (secret,) = set(re.findall(r"wnw_[0-9a-f]{64}", response.content.decode()))
    assert "no-store" in response["Cache-Control"]
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())


def test_what_was_entered_is_what_the_key_may_do(client, admin):
    type(admin.company).objects.update(time_zone="Asia/Tokyo")
    day = timezone.localdate(timezone=ZoneInfo("Asia/Tokyo")) + timedelta(days=30)
    create(
        client,
        admin.company,
        name="  Nightly   import ",
        scopes=["models:read", "inference"],
        allowed_models="gpt-6*, claude-haiku-5-5  gpt-6*",
        requests_per_minute="60",
        expires_on=day.isoformat(),
    )
    key = ApiKey.objects.get()
    assert (key.name, set(key.scopes)) == ("Nightly import", {"models:read", "inference"})
    assert (key.allowed_models, key.requests_per_minute) == (["gpt-6*", "claude-haiku-5-5"], 60)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Asia/Tokyo")) + timedelta(days=1)
    assert key.expires_at == midnight


def test_a_key_without_limits_has_none(client, admin):
    create(client, admin.company)
    key = ApiKey.objects.get()
    assert (key.allowed_models, key.requests_per_minute, key.expires_at) == ([], None, None)
    assert Budget.objects.count() == 0


def test_a_budget_that_comes_with_the_key_stops_it(client, admin):
    grant(admin.company, 1_000)
    create(client, admin.company, limit_tokens="100", period="day")
    key = ApiKey.objects.get()
    with pytest.raises(BudgetExceeded):
        hold(admin.company, 101, attribution=Attribution(api_key_id=key.pk))
    hold(admin.company, 101)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"allowed_models": "gpt 6 <script>"}, "allowed_models"),
        ({"allowed_models": ",".join(f"m{number}" for number in range(51))}, "allowed_models"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"requests_per_minute": "10001"}, "requests_per_minute"),
        ({"expires_on": "2020-01-01"}, "expires_on"),
        ({"expires_on": "9999-12-31"}, "expires_on"),
        ({"expires_on": "tomorrow"}, "expires_on"),
        ({"name": "a\x00b"}, "name"),
        ({"limit_tokens": "1" * 30}, "limit_tokens"),
        ({"requests_per_minute": "-1"}, "requests_per_minute"),
        ({"limit_tokens": "0"}, "limit_tokens"),
        ({"limit_tokens": "5", "period": "year"}, "period"),
        ({"limit_tokens": "5", "action": "explode"}, "action"),
    ],
)
def test_what_makes_no_sense_is_shown_with_the_form_and_makes_no_key(client, admin, fields, wrong):
    response = create(client, admin.company, **fields)
    assert list(response.context["form"].errors) == [wrong]
    assert (ApiKey.objects.count(), Budget.objects.count()) == (0, 0)


def test_examples_name_this_site_and_a_model_that_the_key_may_use(client, admin):
    page = text_of(create(client, admin.company, allowed_models="gpt-6*, claude-haiku-5-5").content.decode())
    assert 'OpenAI( base_url="http://testserver/v1", api_key=os.environ["WINNOW_API_KEY"], )' in page
    assert 'Anthropic( base_url="http://testserver", api_key=os.environ["WINNOW_API_KEY"], )' in page
    assert page.count('model="claude-haiku-5-5"') == 2


def test_the_same_form_sent_twice_makes_one_key_and_says_so(client, admin):
    token = re.search(r'name="form_token" value="([^"]+)"', page_of(client, admin.company, "new/"))[1]
    create(client, admin.company, form_token=token, limit_tokens="100")
    page = create(client, admin.company, form_token=token, limit_tokens="100").content.decode()
    key = ApiKey.objects.get()
    assert "No second key was made." in page
    assert f'href="/c/{admin.company.slug}/keys/{key.pk}/revoke/"' in page
    assert not re.search(r"wnw_[0-9a-f]{64}", page)
    assert Budget.objects.count() == 1


def test_two_forms_make_two_keys(client, admin):
    for _ in range(2):
        token = re.search(r'name="form_token" value="([^"]+)"', page_of(client, admin.company, "new/"))[1]
        create(client, admin.company, form_token=token)
    create(client, admin.company, form_token="nonsense")
    assert ApiKey.objects.count() == 3


def test_a_form_token_of_another_company_says_nothing_of_its_key(client, admin):
    token = uuid4()
    new_api_key(CompanyFactory(), name="Secret project", form_token=token)
    page = create(client, admin.company, form_token=str(token)).content.decode()
    assert re.search(r"wnw_[0-9a-f]{64}", page)
    assert "Secret project" not in page


def test_a_form_that_was_refused_keeps_its_token(client, admin):
    token = str(uuid4())
    refused = create(client, admin.company, form_token=token, name="").content.decode()
    assert f'name="form_token" value="{token}"' in refused


# Seeing keys -------------------------------------------------------------------------------------------------


def test_a_company_without_keys_is_offered_its_first(client, admin):
    page = page_of(client, admin.company)
    assert "No API keys yet" in page
    assert f'href="/c/{admin.company.slug}/keys/new/"' in page


def test_the_list_tells_what_each_key_may_do_and_has_used(client, admin):
    grant(admin.company, 1_000)
    key, _ = new_api_key(admin.company, name="Nightly", allowed_models=["gpt-6*"], requests_per_minute=1_200)
    set_budget(
        company_id=admin.company_id,
        scope=BudgetScope.KEY,
        scope_id=str(key.pk),
        period=BudgetPeriod.MONTH,
        limit_tokens=500,
        action=BudgetAction.WARN,
    )
    attribution = Attribution(api_key_id=key.pk)
    settle_hold(hold_id=hold(admin.company, 120, attribution=attribution).hold_id, usages=[used(120)], answer=None)
    hold(admin.company, 30, attribution=attribution)
    page = text_of(page_of(client, admin.company))
    assert f"Nightly {key.prefix}… Active Make AI calls, List models, Report realtime sessions gpt-6*" in page
    assert "120 of 500, 30 held this month · warns 1,200 Never Never Revoke" in page


def test_the_list_reads_as_often_for_many_keys_as_for_one(client, admin, django_assert_max_num_queries):
    for _ in range(10):
        new_api_key(admin.company)
    with django_assert_max_num_queries(8):
        page_of(client, admin.company)


@pytest.mark.parametrize(
    ("expires_in", "state"),
    [(timedelta(days=30), "Active"), (timedelta(days=3), "Expires soon"), (timedelta(seconds=-1), "Expired")],
)
def test_the_state_follows_from_the_expiry(client, admin, expires_in, state):
    key, _ = new_api_key(admin.company)
    made_at, expires_at = datetime(2026, 1, 1, tzinfo=UTC), timezone.now() + expires_in
    ApiKey.objects.filter(pk=key.pk).update(created_at=made_at, expires_at=expires_at)
    assert f"{key.prefix}… {state} " in text_of(page_of(client, admin.company))


def test_the_list_names_no_key_of_another_company(client, admin):
    new_api_key(CompanyFactory(), name="Of somebody else")
    assert "Of somebody else" not in page_of(client, admin.company)


@pytest.mark.parametrize("path", ["", "revoke/", "budget/"])
def test_another_companys_key_does_not_exist_here(client, admin, path):
    key, secret = new_api_key(CompanyFactory())
    url = f"/c/{admin.company.slug}/keys/{key.pk}/{path}"
    fields = {"limit_tokens": "1", "period": "day", "action": "stop"}
    assert {client.get(url).status_code, client.post(url, fields).status_code} <= {404, 405}
    assert find_api_key(secret) == key
    assert Budget.objects.count() == 0


def test_the_menu_leads_admins_to_the_keys_and_recruiters_not(client, admin):
    link = f'href="/c/{admin.company.slug}/keys/"'
    assert link in client.get(f"/c/{admin.company.slug}/jobs/").content.decode()
    sign_in(client, Role.RECRUITER, company=admin.company)
    assert link not in client.get(f"/c/{admin.company.slug}/jobs/").content.decode()


# Changing a key ----------------------------------------------------------------------------------------------


def test_a_budget_is_set_changed_and_taken_away(client, admin):
    key, _ = new_api_key(admin.company)
    url = f"/c/{admin.company.slug}/keys/{key.pk}/budget/"
    for limit, action in (("500", "stop"), ("800", "warn")):
        response = client.post(url, {"limit_tokens": limit, "period": "week", "action": action}, follow=True)
        assert "Budget saved" in response.content.decode()
        budget = Budget.objects.get(scope="key", scope_id=str(key.pk), is_active=True)
        assert (budget.limit_tokens, budget.period, budget.action) == (int(limit), "week", action)
    client.post(url, {"limit_tokens": "", "period": "week", "action": "stop"})
    assert not Budget.objects.filter(is_active=True).exists()
    assert Budget.objects.count() == 1


def test_a_budget_that_makes_no_sense_is_shown_with_the_key_and_changes_nothing(client, admin):
    key, _ = new_api_key(admin.company)
    url = f"/c/{admin.company.slug}/keys/{key.pk}/budget/"
    response = client.post(url, {"limit_tokens": "-5", "period": "week", "action": "stop"})
    assert list(response.context["form"].errors) == ["limit_tokens"]
    assert Budget.objects.count() == 0


def test_the_budget_form_starts_from_the_budget_there_is(client, admin):
    key, _ = new_api_key(admin.company)
    set_budget(
        company_id=key.company_id,
        scope=BudgetScope.KEY,
        scope_id=str(key.pk),
        period=BudgetPeriod.WEEK,
        limit_tokens=5_000,
        action=BudgetAction.WARN,
    )
    page = page_of(client, admin.company, f"{key.pk}/")
    assert re.search(r'name="limit_tokens" value="5000"', page)
    assert '<option value="week" selected>' in page
    assert '<option value="warn" selected>' in page


def test_a_revoked_key_takes_no_budget(client, admin):
    key, _ = new_api_key(admin.company)
    revoke_api_key(key=key, acting=admin)
    url = f"/c/{admin.company.slug}/keys/{key.pk}/budget/"
    page = client.post(url, {"limit_tokens": "5", "period": "week", "action": "stop"}, follow=True)
    assert "This key is revoked" in page.content.decode()
    assert Budget.objects.count() == 0


def test_the_address_that_takes_budgets_says_that_there_is_nothing_to_see(client, admin):
    key, _ = new_api_key(admin.company)
    response = client.get(f"/c/{admin.company.slug}/keys/{key.pk}/budget/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "There is nothing to show at this address" in response.content.decode()


def test_a_used_key_leads_to_its_calls(client, admin):
    key, _ = new_api_key(admin.company)
    link = f'href="/c/{admin.company.slug}/tokens/?key={key.pk}#recent-usage"'
    assert link not in page_of(client, admin.company, f"{key.pk}/")
    ApiKey.objects.update(last_used_at=timezone.now())
    assert link in page_of(client, admin.company, f"{key.pk}/")


def test_a_key_is_revoked_after_a_question(client, admin):
    key, secret = new_api_key(admin.company, name="Nightly")
    url = f"/c/{admin.company.slug}/keys/{key.pk}/revoke/"
    assert "Revoke this key?" in client.get(url).content.decode()
    assert find_api_key(secret) == key
    response = client.post(url, follow=True)
    assert "“Nightly” is revoked." in response.content.decode()
    assert find_api_key(secret) is None
    assert ApiKey.objects.get().revoked_by == admin.user
    page = page_of(client, admin.company)
    assert f"{key.prefix}… Revoked" in text_of(page)
    assert url not in page


def test_revoking_twice_says_so(client, admin):
    key, _ = new_api_key(admin.company, name="Nightly")
    url = f"/c/{admin.company.slug}/keys/{key.pk}/revoke/"
    client.post(url)
    assert "“Nightly” was revoked before." in client.post(url, follow=True).content.decode()
