"""The token management page, and the staff's page of the ledger."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from ai_gateway import routing
from tenants.models import Role
from tests.tenants.factories import CompanyFactory, UserFactory, new_api_key, sign_in
from tests.tokens.ledger import grant, hold, new_company, used
from tokens.models import AuditRun, UsageLog
from tokens.pages import ROWS_PER_PAGE, token_page
from tokens.services import spool
from tokens.services.holds import Attribution, Closing, settle_hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    company = CompanyFactory()
    grant(company, 100_000)
    return company


def page_of(client, company, **query):
    return client.get(reverse("token_page", args=[company.slug]), query)


def charge(company, tokens, *, operation="cv_parse", attribution=None, **money):
    placed = hold(company, tokens, operation=operation, attribution=attribution or Attribution())
    return settle_hold(hold_id=placed.hold_id, usages=[used(tokens, **money)], answer=None)


def test_an_admin_sees_the_balance_and_what_was_used(client, company):
    sign_in(client, Role.ADMIN, company=company)
    charge(company, 1_234)

    response = page_of(client, company)

    assert response.status_code == 200
    assert response.context["balance"]["available"] == 98_766
    assert "98,766" in response.text or "98.8k" in response.text
    assert "1,234" in response.text


@pytest.mark.parametrize("role", [Role.RECRUITER, Role.VIEWER])
def test_others_of_the_company_do_not(client, company, role):
    sign_in(client, role, company=company)

    assert page_of(client, company).status_code == 403


def test_for_another_company_the_page_does_not_exist(client, company):
    sign_in(client, Role.OWNER)

    assert page_of(client, company).status_code == 404


def test_cards_breakdown_chart_and_rows_add_up(client, company):
    other = new_company(slug="other", tokens=5_000)
    charge(other, 999)
    for tokens, operation in ((100, "cv_parse"), (250, "scoring"), (50, "cv_parse")):
        charge(company, tokens, operation=operation)

    context = token_page(company, before=None)

    assert context["month"]["charged_tokens"] == 400
    assert sum(row["charged_tokens"] for row in context["breakdown"]["rows"]) == 400
    assert sum(row["tokens"] for row in context["daily_rows"]) == 400
    assert sum(row.charged_tokens for row in context["recent"]) == 400
    assert [row["operation"] for row in context["breakdown"]["rows"]] == ["scoring", "cv_parse"]


def test_what_is_not_priced_is_counted_apart_and_never_zero(company):
    version = company.token_account.allocations.get().pk
    charge(company, 10)
    assert token_page(company, before=None)["month"]["cost_usd"] is None
    charge(
        company,
        10,
        price_kind="listed",
        price_version_id=version,
        provider_cost_usd=Decimal("0.4"),
        sale_value_usd=Decimal("0.5"),
    )

    month = token_page(company, before=None)["month"]

    assert (month["cost_usd"], month["unpriced_calls"]) == (Decimal("0.5"), 1)


def test_older_usage_is_reached_by_a_cursor_and_nothing_is_shown_twice(company):
    for _ in range(ROWS_PER_PAGE + 3):
        charge(company, 10)

    first = token_page(company, before=None)
    second = token_page(company, before=first["next_cursor"])

    shown = [row.id for row in [*first["recent"], *second["recent"]]]
    assert shown == list(UsageLog.objects.order_by("-id").values_list("id", flat=True))
    assert second["next_cursor"] is None


def test_a_cursor_that_is_no_uuid_begins_at_the_newest(client, company):
    sign_in(client, Role.ADMIN, company=company)
    charge(company, 10)

    assert len(page_of(client, company, after="0199-cut").context["recent"]) == 1


def test_a_company_that_never_used_ai_is_told_how_to_begin(client, company):
    sign_in(client, Role.ADMIN, company=company)

    assert "No AI call yet" in page_of(client, company).text


@pytest.mark.parametrize(("spend", "severity"), [(100_000, "critical"), (99_500, "warning")])
def test_an_empty_or_low_balance_raises_an_alert(company, spend, severity):
    charge(company, spend)

    assert [alert.severity for alert in token_page(company, before=None)["alerts"]] == [severity]


def test_the_list_narrows_to_the_calls_of_a_key_and_says_so(client, company):
    sign_in(client, Role.ADMIN, company=company)
    key, _ = new_api_key(company, name="Nightly")
    charge(company, 30)
    charge(company, 20, attribution=Attribution(api_key_id=key.pk))

    response = page_of(client, company, key=key.pk)

    assert [row.charged_tokens for row in response.context["recent"]] == [20]
    assert [chip["label"] for chip in response.context["filters"]["chips"]] == ["API key: Nightly"]
    assert response.context["month"]["charged_tokens"] == 50
    assert f'href="{reverse("token_page", args=[company.slug])}#recent-usage"' in response.text


def test_the_list_narrows_to_the_calls_of_an_application(client, company):
    sign_in(client, Role.ADMIN, company=company)
    application_id, key, _ = uuid4(), *new_api_key(company)
    charge(company, 30, attribution=Attribution(application_id=application_id))
    charge(company, 20, attribution=Attribution(application_id=uuid4()))

    rows = [row.charged_tokens for row in page_of(client, company, application=application_id).context["recent"]]
    both = page_of(client, company, application=application_id, key=key.pk)

    assert rows == [30]
    assert both.context["recent"] == []
    assert "No call matches" in both.text
    removing = [chip["remove_url"].partition("?")[2] for chip in both.context["filters"]["chips"]]
    assert removing == [f"application={application_id}#recent-usage", f"key={key.pk}#recent-usage"]


def test_a_filter_that_is_no_id_narrows_nothing(client, company):
    sign_in(client, Role.ADMIN, company=company)
    charge(company, 30)

    response = page_of(client, company, key="0199", application="\x00")

    assert ([row.charged_tokens for row in response.context["recent"]], response.context["filters"]) == ([30], {})


def test_another_companys_key_has_no_name_here_and_no_calls(client, company):
    sign_in(client, Role.ADMIN, company=company)
    other, _ = new_api_key(CompanyFactory(), name="Secret project")
    charge(company, 30)

    response = page_of(client, company, key=other.pk)

    assert response.context["recent"] == []
    assert "Secret project" not in response.text


def test_the_page_takes_the_same_queries_for_few_rows_and_many(client, company, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(routing, "CACHE_SECONDS", 3600)  # who answers is remembered
    sign_in(client, Role.ADMIN, company=company)
    for count in (1, 20):
        for _ in range(count):
            charge(company, 10)
        page_of(client, company)
        with django_assert_num_queries(13):
            page_of(client, company)


def test_staff_see_the_last_audit_and_what_waits_on_disk(client, company, settings, tmp_path):
    settings.SPOOL_DIR = tmp_path
    client.force_login(UserFactory(is_staff=True))
    spool.write(Closing.releasing(hold(company, 10).hold_id))

    assert "Not audited yet" in client.get(reverse("staff_ledger")).text
    response = client.post(reverse("staff_audit"), follow=True)

    assert response.redirect_chain[-1][0] == reverse("staff_ledger")
    assert AuditRun.objects.count() == 1
    assert response.context["waiting_settlements"] == 1


def test_staff_see_which_law_is_broken(client, company):
    client.force_login(UserFactory(is_staff=True))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_account SET debt_tokens = 9")

    response = client.post(reverse("staff_audit"), follow=True)

    assert "balance_equals_entries" in response.text
    assert "counters say" in response.text
