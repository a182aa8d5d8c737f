"""The audit finds what breaks a law; each break is made with the guards lifted, as an owner could."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tokens.ledger import hold, new_company, used
from tokens.selectors.audit import audit_ledger, list_checks
from tokens.services.holds import release_hold, settle_hold

pytestmark = pytest.mark.django_db


SEALED = """
    INSERT INTO tokens_seal (company_id, number, company_day, closes_day, from_xact, to_xact, entry_count, delta_tokens,
        balance_tokens, previous_sha256, sha256)
    SELECT company_id, {number}, now(), false, '0', '9000000000000000000', count(*) + {uncounted}, sum(delta_tokens),
        sum(delta_tokens), repeat('0', 64), repeat('a', 64)
    FROM tokens_ledger_entry GROUP BY company_id
"""


@pytest.fixture
def busy_company():
    """A company whose ledger holds every kind of row: grant, usage, debt, refusal, an open hold."""
    company = new_company(tokens=1000)
    settle_hold(hold_id=hold(company, 400).hold_id, usages=[used(150)], answer=None)
    release_hold(hold_id=hold(company, 10).hold_id, usages=[used(0, status="refused", usage_source="none")])
    settle_hold(hold_id=hold(company, 100).hold_id, usages=[used(900)], answer=None)
    hold_after_grant = new_company(tokens=50, slug="second")
    hold(hold_after_grant, 20)
    return company


@contextmanager
def lifted_guards() -> Iterator[None]:
    """Let the owner break what the triggers keep. Pending checks of constraints run first: they are not the point."""
    tables = ("tokens_ledger_entry", "tokens_usage_log", "tokens_hold")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def broken_checks(**options: object) -> set[str]:
    return {result.name for result in audit_ledger(**options) if not result.holds}


def test_the_laws_hold_after_calls_of_every_kind(busy_company):
    assert broken_checks() == set()
    assert {check.law for check in list_checks()} >= {1, 2, 3, 4, 5, 6, 8, 9}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE tokens_allocation SET used_tokens = used_tokens - 1 WHERE used_tokens > 0", {"counters_equal_entries", "balance_equals_entries"}),
        ("UPDATE tokens_allocation SET held_tokens = 0", {"held_equals_open_holds"}),
        ("UPDATE tokens_account SET debt_tokens = debt_tokens + 1", {"balance_equals_entries"}),
        ("UPDATE tokens_usage_log SET charged_tokens = charged_tokens + 1 WHERE charged_tokens > 0",
         {"charges_are_accounted_for", "holds_ended_as_charged"}),
        ("DELETE FROM tokens_usage_log WHERE charged_tokens = 150",
         {"usage_entries_have_logs", "holds_ended_as_charged", "attempts_have_their_logs"}),
        ("DELETE FROM tokens_ledger_entry WHERE kind = 'usage'",
         {"counters_equal_entries", "balance_equals_entries", "charges_are_accounted_for"}),
        ("UPDATE tokens_hold SET lease_expires_at = now() - interval '1 hour' WHERE state = 'open'",
         {"holds_end_after_their_lease"}),
        ("UPDATE tokens_attempt SET usage_log_id = NULL WHERE state = 'refused'", {"attempts_have_their_logs"}),
        (SEALED.format(number=1, uncounted=0), set()),
        (SEALED.format(number=1, uncounted=1), {"seals_count_their_entries"}),
        (SEALED.format(number=2, uncounted=0), {"seals_chain"}),
    ],
)  # fmt: skip
def test_the_audit_finds_damage(busy_company, damage, found):
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute(damage)

    assert broken_checks() == found


ONE_LOG = "(SELECT id FROM tokens_usage_log WHERE charged_tokens = 150)"
OTHER_LOG = "(SELECT id FROM tokens_usage_log WHERE charged_tokens = 900)"


@pytest.mark.parametrize("every_row", [False, True], ids=["where sums disagree", "every row"])
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (f"UPDATE tokens_usage_log SET charged_tokens = 151 WHERE id = {ONE_LOG}", "charges_are_accounted_for"),
        (f"UPDATE tokens_usage_log SET debt_tokens = debt_tokens + 1 WHERE id = {OTHER_LOG}", "charges_are_accounted_for"),
        (f"UPDATE tokens_usage_log SET absorbed_tokens = 1 WHERE id = {ONE_LOG}", "charges_are_accounted_for"),
        (f"UPDATE tokens_ledger_entry SET delta_tokens = -149 WHERE usage_log_id = {ONE_LOG}", "charges_are_accounted_for"),
        (f"DELETE FROM tokens_ledger_entry WHERE usage_log_id = {ONE_LOG}", "charges_are_accounted_for"),
        (f"UPDATE tokens_ledger_entry SET delta_tokens = delta_tokens - 1 WHERE kind = 'debt' AND usage_log_id = {OTHER_LOG}",
         "charges_are_accounted_for"),
        (f"UPDATE tokens_ledger_entry SET usage_log_id = uuidv7() WHERE usage_log_id = {ONE_LOG}", "usage_entries_have_logs"),
        (f"UPDATE tokens_usage_log SET company_id = -1 WHERE id = {ONE_LOG}", "usage_entries_have_logs"),
        (f"DELETE FROM tokens_usage_log WHERE id = {ONE_LOG}", "usage_entries_have_logs"),
        ("UPDATE tokens_hold SET charged_tokens = 149 WHERE charged_tokens = 150", "holds_ended_as_charged"),
        ("UPDATE tokens_hold SET charged_tokens = NULL WHERE charged_tokens = 150", "holds_ended_as_charged"),
        ("UPDATE tokens_hold SET state = 'released' WHERE charged_tokens = 150", "holds_ended_as_charged"),
        (f"UPDATE tokens_usage_log SET hold_id = uuidv7() WHERE id = {ONE_LOG}", "holds_ended_as_charged"),
        ("UPDATE tokens_attempt SET usage_log_id = NULL WHERE state = 'refused'", "attempts_have_their_logs"),
        (f"UPDATE tokens_attempt SET usage_log_id = {OTHER_LOG} WHERE usage_log_id = {ONE_LOG}", "attempts_have_their_logs"),
        (f"UPDATE tokens_attempt SET state = 'not_sent' WHERE usage_log_id = {ONE_LOG}", "attempts_have_their_logs"),
        (f"UPDATE tokens_usage_log SET attempt_number = 2 WHERE id = {ONE_LOG}", "attempts_have_their_logs"),
        ("UPDATE tokens_hold SET key = 'twice' WHERE state = 'settled'", "keys_charge_once"),
    ],
)  # fmt: skip
def test_a_single_wrong_row_is_found(busy_company, damage, found, every_row):
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute(damage)

    assert found in broken_checks(every_row=every_row)


def test_tables_whose_sums_agree_are_not_joined(busy_company):
    with CaptureQueriesContext(connection) as queries:
        audit_ledger()

    asked = [query["sql"] for query in queries if "FROM tokens_attempt t\nJOIN tokens_hold" in query["sql"]]
    assert asked == []

    with CaptureQueriesContext(connection) as queries:
        audit_ledger(every_row=True)

    asked = [query["sql"] for query in queries if "FROM tokens_attempt t\nJOIN tokens_hold" in query["sql"]]
    assert len(asked) == 1


def test_the_audit_finds_a_missing_guard(busy_company):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE tokens_ledger_entry DISABLE TRIGGER tokens_ledger_entry_keep")

    assert broken_checks() == {"append_only_is_guarded"}


def test_the_audit_of_one_company_leaves_others_out(busy_company):
    with lifted_guards(), connection.cursor() as cursor:
        cursor.execute("UPDATE tokens_allocation SET held_tokens = 0 WHERE held_tokens = 20")

    assert broken_checks(company_id=busy_company.pk) == set()
    assert broken_checks() == {"held_equals_open_holds"}
