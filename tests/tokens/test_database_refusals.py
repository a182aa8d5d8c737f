"""What the database refuses whoever asks, told by SQL alone: as the product's role, and as the owner of the tables."""

import pytest
from django.db import DatabaseError, connection, transaction

from tests.tokens.ledger import hold, new_company, used
from tokens.models import LedgerEntry, UsageLog
from tokens.selectors import get_balance
from tokens.services import upkeep
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db

CHANGES_OF_HISTORY = [
    "UPDATE tokens_usage_log SET charged_tokens = 0",
    "UPDATE tokens_usage_log SET id = uuidv7(interval '40 days')",  # into another partition
    "DELETE FROM tokens_usage_log",
    "TRUNCATE tokens_usage_log",
    "UPDATE {partition} SET charged_tokens = 0",
    "DELETE FROM {partition}",
    "TRUNCATE {partition}",
    "DELETE FROM ONLY {partition} WHERE charged_tokens > 0",
    "MERGE INTO tokens_usage_log l USING tokens_account a ON l.company_id = a.company_id WHEN MATCHED THEN DELETE",
    "UPDATE tokens_ledger_entry SET delta_tokens = 1",
    "DELETE FROM tokens_ledger_entry",
    "TRUNCATE tokens_ledger_entry",
    "TRUNCATE tokens_allocation CASCADE",
    "INSERT INTO tokens_ledger_entry SELECT * FROM tokens_ledger_entry ON CONFLICT (id) DO UPDATE SET delta_tokens = 1",
    "MERGE INTO tokens_ledger_entry e USING tokens_account a ON e.company_id = a.company_id"
    " WHEN MATCHED THEN UPDATE SET delta_tokens = 1",
]
OVERUSE = [
    "UPDATE tokens_allocation SET used_tokens = allocated_tokens + 1 WHERE company_id = {acme}",
    "UPDATE tokens_allocation SET held_tokens = allocated_tokens - used_tokens + 1 WHERE company_id = {acme}",
    "UPDATE tokens_allocation SET expired_tokens = allocated_tokens - used_tokens + 1 WHERE company_id = {acme}",
    "UPDATE tokens_allocation SET revoked_tokens = allocated_tokens - used_tokens + 1 WHERE company_id = {acme}",
    "UPDATE tokens_allocation SET allocated_tokens = used_tokens - 1 WHERE company_id = {acme}",
]
BELOW_ZERO = [
    "UPDATE tokens_allocation SET used_tokens = -1",
    "UPDATE tokens_allocation SET held_tokens = -1",
    "UPDATE tokens_account SET debt_tokens = -1",
]
SECOND_ENDS = [
    "UPDATE tokens_hold SET state = 'open', ended_at = NULL",
    "UPDATE tokens_hold SET state = 'released'",
    "UPDATE tokens_hold SET state = 'expired'",
]
_ENTRY = "INSERT INTO tokens_ledger_entry (company_id, allocation_id, kind, delta_tokens, usage_log_id, company_day)"
FOREIGN_PROPERTY = [
    _ENTRY + " SELECT {acme}, id, 'usage', -1, uuidv7(), now() FROM tokens_allocation WHERE company_id = {other}",
    _ENTRY + " SELECT {acme}, id, 'grant', 1, NULL, now() FROM tokens_allocation WHERE company_id = {other}",
    "INSERT INTO tokens_hold_part (company_id, hold_id, allocation_id, tokens)"
    " SELECT {acme}, h.id, a.id, 1 FROM tokens_hold h, tokens_allocation a"
    " WHERE h.company_id = {acme} AND a.company_id = {other}",
    "INSERT INTO tokens_hold_part (company_id, hold_id, allocation_id, tokens)"
    " SELECT {other}, h.id, a.id, 1 FROM tokens_hold h, tokens_allocation a"
    " WHERE h.company_id = {acme} AND a.company_id = {other}",
    "UPDATE tokens_allocation SET company_id = {acme} WHERE company_id = {other}",
]
REFUSED = {
    "append-only": CHANGES_OF_HISTORY,
    "not_overdrawn": OVERUSE,
    "not_negative": BELOW_ZERO,
    "cannot become": SECOND_ENDS,
    "same_company|violates foreign key": FOREIGN_PROPERTY,
}
BY_REASON = [(statement, reason) for reason, statements in REFUSED.items() for statement in statements]
# What only an owner may do at all, and nothing that is refused for what it would do.
OWNER_S_ALONE = [
    "INSERT INTO tokens_ledger_entry (company_id, kind, delta_tokens, company_day) SELECT {acme}, 'debt', 1, now()",
    "INSERT INTO tokens_usage_log SELECT * FROM tokens_usage_log",
    "ALTER TABLE tokens_ledger_entry DISABLE TRIGGER ALL",
    "ALTER TABLE tokens_usage_log DETACH PARTITION {partition}",
    "DROP TABLE tokens_usage_log",
    "DROP TRIGGER tokens_ledger_entry_append_only ON tokens_ledger_entry",
    "CREATE OR REPLACE FUNCTION tokens_refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "UPDATE tokens_allocation SET used_tokens = 0",
    "UPDATE tokens_account SET debt_tokens = 0",
    "DELETE FROM tokens_idempotency_key",
    "UPDATE tokens_budget_use SET used_tokens = 0",
    "SELECT tokens_pay_charges(h, '{{}}', '{{}}', now()) FROM tokens_hold h",
]


@pytest.fixture
def names() -> dict[str, object]:
    """Two companies with 50 of 100 tokens each, and what statements call them and the partition in use."""
    companies = [new_company(slug=slug, tokens=100) for slug in ("acme", "other")]
    for company in companies:
        settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(50)], answer=None)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tableoid::regclass::text FROM tokens_usage_log LIMIT 1")
        (partition,) = cursor.fetchone()
    return {"acme": companies[0].pk, "other": companies[1].pk, "partition": partition}


@pytest.fixture
def as_product(names):
    """Let the statements of the test be the product's."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE winnow_app")
        yield
        cursor.execute("RESET ROLE")


def assert_refused(statement: str, reason: str, names: dict[str, object]) -> None:
    """See a statement refused for a reason, and nothing changed."""
    with pytest.raises(DatabaseError, match=reason), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{statement.format(**names)}; SET CONSTRAINTS ALL IMMEDIATE")
    assert [get_balance(names[company]).available_tokens for company in ("acme", "other")] == [50, 50]
    assert list(UsageLog.objects.values_list("charged_tokens", flat=True)) == [50, 50]
    assert sorted(LedgerEntry.objects.values_list("delta_tokens", flat=True)) == [-50, -50, 100, 100]


@pytest.mark.parametrize(("statement", "reason"), BY_REASON)
def test_the_owner_is_refused(names, statement, reason):
    assert_refused(statement, reason, names)


@pytest.mark.parametrize("statement", [*(statement for statement, _reason in BY_REASON), *OWNER_S_ALONE])
def test_the_product_is_refused_before_that(names, as_product, statement):
    assert_refused(statement, "permission denied|must be owner", names)


def test_neither_role_can_switch_triggers_off_for_its_session(names, as_product):
    assert_refused("SET session_replication_role = replica", "permission denied", names)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert_refused("SET session_replication_role = replica", "permission denied", names)


@pytest.mark.parametrize("table", ["tokens_usage_log", "tokens_ledger_entry"])
def test_without_its_triggers_a_table_can_be_changed(names, table):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"DELETE FROM {table} WHERE company_id = %s", [names["acme"]])
        assert cursor.rowcount > 0


def test_partitions_reach_a_year_ahead_and_refuse_truncation_too():
    assert upkeep.make_partitions(months_ahead=12) == 0
    assert upkeep.make_partitions(months_ahead=13) == 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass"
        )
        partitions = [row[0] for row in cursor.fetchall()]
    assert len(partitions) == 16  # last month to the one thirteen months ahead, and the default

    for partition in partitions:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {partition}")
