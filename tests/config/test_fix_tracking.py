"""manage.py fix_tracking: what it finds, what it repairs, and how it exits."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from applications.models import Step
from billing.models import Subscription
from billing.services import open_company
from tests.applications.factories import ApplicationFactory
from tests.tenants.factories import UserFactory
from tests.tokens.ledger import hold, new_company, used
from tests.tokens.test_audit import lifted_guards
from tokens.models import Allocation, UsageLog
from tokens.models.fields import ClockTimestamp
from tokens.selectors import get_balance
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def company():
    company = open_company(name="Acme", time_zone="UTC", owner=UserFactory())
    settle_hold(hold_id=hold(company, 400).hold_id, usages=[used(150)], answer=None)
    return company


def fix_tracking(**options):
    """Run the command; returns its exit code and its document."""
    out, code = StringIO(), 0
    try:
        call_command("fix_tracking", json=True, stdout=out, stderr=StringIO(), **options)
    except SystemExit as exit_:
        code = exit_.code
    return code, json.loads(out.getvalue())


def found(document):
    return {check["check"]: check["action"] for check in document["checks"] if check["found"]}


def test_books_in_order_exit_zero(company):
    code, document = fix_tracking()

    assert (code, document["ok"], found(document)) == (0, True, {})
    assert {check["law"] for check in document["checks"]} >= {0, 1, 2, 3, 4, 5, 6, 7, 9}


def test_a_dry_run_reports_and_changes_nothing(company):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET used_tokens = 0")

    code, document = fix_tracking(dry_run=True)

    assert code == 1
    assert found(document)["counters_equal_entries"] == "would_repair"
    assert Allocation.objects.get().used_tokens == 0


def test_a_repair_exits_zero_and_a_second_run_finds_nothing(company):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET used_tokens = 0")

    code, document = fix_tracking()

    assert code == 0
    assert set(found(document).values()) == {"repaired"}
    assert get_balance(company.pk).used_tokens == 150
    assert found(fix_tracking()[1]) == {}


def test_a_missing_default_allocation_is_created_with_starter_s_tokens():
    bare = new_company(slug="bare")

    code, document = fix_tracking()

    assert (code, found(document)) == (0, {"companies_have_an_allocation": "repaired"})
    assert Subscription.objects.get().plan_id == "starter"
    assert get_balance(bare.pk).available_tokens == 100_000


def test_what_no_row_can_mend_is_left_to_a_person_and_exits_one(company):
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tokens_usage_log")

    code, document = fix_tracking()

    assert code == 1
    assert found(document)["usage_entries_have_logs"] == "needs_a_person"


def test_an_ai_result_without_usage_is_reported_and_run_again_when_asked():
    application = ApplicationFactory()
    Step.objects.filter(operation="cv_parse").update(
        state="succeeded", result={"x": 1}, attempts=1, finished_at=ClockTimestamp()
    )
    Step.objects.exclude(operation="cv_parse").update(state="failed", finished_at=ClockTimestamp())

    code, document = fix_tracking()
    assert (code, found(document)) == (1, {"ai_results_have_usage": "needs_a_person"})
    assert application.runs.count() == 1

    code, document = fix_tracking(reprocess_ai=True)
    fix_tracking(reprocess_ai=True)

    assert (code, found(document)["ai_results_have_usage"]) == (0, "repaired")
    assert application.runs.count() == 2
    assert application.runs.last().steps.get(operation="cv_parse").state == "ready"


def test_one_company_can_be_checked_alone(company):
    new_company(slug="bare")

    code, document = fix_tracking(company=company.slug)

    assert (code, document["company"], found(document)) == (0, company.slug, {})


def test_an_unknown_company_is_told():
    with pytest.raises(CommandError, match="no company 'nowhere'"):
        call_command("fix_tracking", company="nowhere")


def test_examples_name_the_row_and_the_limit_bounds_repairs(company):
    for _ in range(3):
        settle_hold(hold_id=hold(company, 10).hold_id, usages=[used(10)], answer=None)
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM tokens_ledger_entry WHERE kind = 'usage' AND delta_tokens = -10")
        cursor.execute("UPDATE tokens_allocation SET used_tokens = 150")

    code, document = fix_tracking(limit=2)

    [check] = [check for check in document["checks"] if check["check"] == "charges_are_accounted_for"]
    assert (code, check["found"], check["repaired"], check["left"]) == (1, 3, 2, 1)
    assert check["examples"][0]["subject"] in {str(log.pk) for log in UsageLog.objects.all()}
