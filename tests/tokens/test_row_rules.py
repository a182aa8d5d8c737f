"""What the database refuses in a row, whoever writes it: each rule by its name, and a row that keeps them all."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tests.tokens.ledger import hold, new_company, used
from tokens.services.holds import settle_hold

pytestmark = pytest.mark.django_db

NIL = str(UUID(int=0))
ON_OWN_KEY = {"key_owner": "company", "price_kind": "own_key", "provider_cost_usd": 0, "charged_tokens": 0}
# What a copy of a row needs to be another row.
RENEWED = {
    "tokens_allocation": {"id": str(uuid4())},
    "tokens_hold": {"id": str(uuid4())},
    "tokens_attempt": {"number": 2},
    "tokens_ledger_entry": {"id": str(uuid4()), "usage_log_id": str(uuid4())},
    "tokens_usage_log": {"id": str(uuid4())},
}
BROKEN: dict[str, dict[str, list[dict[str, Any]]]] = {
    "tokens_allocation": {
        "tokens_allocation_not_overdrawn": [
            {"used_tokens": 101},
            {"used_tokens": 40, "held_tokens": 30, "expired_tokens": 20, "revoked_tokens": 11},
        ],
        "tokens_allocation_expires_after_effect": [
            {"effective_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}
        ],
    },
    "tokens_hold": {"tokens_hold_ended_has_time": [{"state": "open"}, {"ended_at": None}]},
    "tokens_attempt": {
        "tokens_attempt_ended_has_time": [{"state": "open"}, {"ended_at": None}],
        "tokens_attempt_numbered_from_one": [{"number": 0}],
    },
    "tokens_ledger_entry": {
        "tokens_ledger_entry_allocation_unless_debt": [{"kind": "debt"}, {"allocation_id": None}],
        "tokens_ledger_entry_sign_of_kind": [
            {"kind": "grant", "delta_tokens": 0},
            {"kind": "refund", "delta_tokens": -1},
            {"kind": "debt", "delta_tokens": 0, "allocation_id": None},
            *({"kind": kind, "delta_tokens": 0} for kind in ("usage", "expiry", "revocation", "debt_repayment")),
        ],
        "tokens_ledger_entry_usage_has_log": [{"usage_log_id": None}],
    },
    "tokens_usage_log": {
        "tokens_usage_log_price_is_honest": [
            {"price_kind": "unpriced", "provider_cost_usd": 0},
            {"price_kind": "listed", "provider_cost_usd": None},
        ],
        "tokens_usage_log_correction_names_row": [{"kind": "refund"}, {"corrects_id": NIL}],
        "tokens_usage_log_call_has_hold": [{"hold_id": None}, {"attempt_number": None}],
        "tokens_attempt_numbered_from_one": [{"attempt_number": 0}],
        "tokens_usage_log_call_not_negative": [
            {column: -1}
            for column in (
                *("input_tokens", "output_tokens", "charged_tokens", "own_key_tokens"),
                *("debt_tokens", "absorbed_tokens"),
            )
        ],
        "tokens_usage_log_shortfall_within_charge": [{"debt_tokens": 30, "absorbed_tokens": 21}],
        "tokens_usage_log_own_key_says_so": [
            ON_OWN_KEY | {"price_kind": "listed"},
            ON_OWN_KEY | {"key_owner": "platform"},
        ],
        "tokens_usage_log_own_key_is_free": [
            ON_OWN_KEY | {"charged_tokens": 1},
            ON_OWN_KEY | {"provider_cost_usd": 1},
            {"own_key_tokens": 1},
        ],
    },
}
CASES = [
    (table, rule, change) for table, rules in BROKEN.items() for rule, changes in rules.items() for change in changes
]
SOUND: list[tuple[str, dict[str, Any]]] = [
    *((table, {}) for table in BROKEN),
    ("tokens_ledger_entry", {"kind": "debt", "allocation_id": None, "delta_tokens": 1}),
    ("tokens_usage_log", ON_OWN_KEY | {"own_key_tokens": 7}),
    ("tokens_usage_log", {"kind": "refund", "corrects_id": NIL, "charged_tokens": -9, "hold_id": None}),
    ("tokens_usage_log", {"debt_tokens": 30, "absorbed_tokens": 20}),
]


@pytest.fixture(autouse=True)
def settled_call() -> None:
    """A company with 50 of 100 tokens left: a row of each kind."""
    company = new_company(tokens=100)
    settle_hold(hold_id=hold(company, 60).hold_id, usages=[used(50)], answer=None)


def insert_copy(table: str, change: dict[str, Any]) -> None:
    """Write a row like the newest of the table with something changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(t, %s)).* FROM {table} t ORDER BY t DESC LIMIT 1",
            [json.dumps(RENEWED[table] | change)],
        )
        assert cursor.rowcount == 1


def broken_rule(error: IntegrityError) -> str | None:
    """Name the rule that an error is about."""
    assert error.__cause__ is not None
    return error.__cause__.diag.constraint_name  # type: ignore[attr-defined]


@pytest.mark.parametrize(("table", "rule", "change"), CASES)
def test_a_row_that_breaks_a_rule_is_refused_by_its_name(table, rule, change):
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        insert_copy(table, change)

    assert broken_rule(raised.value) == rule


@pytest.mark.parametrize(("table", "change"), SOUND)
def test_a_row_that_keeps_the_rules_is_taken(table, change):
    insert_copy(table, change)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE tokens_hold SET ended_at = NULL", "tokens_hold_ended_has_time"),
        ("UPDATE tokens_attempt SET state = 'open'", "tokens_attempt_ended_has_time"),
        ("UPDATE tokens_attempt SET number = 0", "tokens_attempt_numbered_from_one"),
        ("UPDATE tokens_hold_part SET tokens = 0", "tokens_amount_positive"),
        ("UPDATE tokens_allocation SET expires_at = effective_at", "tokens_allocation_expires_after_effect"),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused_by_its_name(statement, rule):
    with pytest.raises(IntegrityError) as raised, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert broken_rule(raised.value) == rule


def test_the_rules_hold_for_every_writer_and_in_every_partition():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgenabled, count(*) FROM pg_trigger WHERE tgname LIKE 'tokens\\_%\\_is\\_sound' GROUP BY tgenabled",
        )
        enabled = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'tokens_usage_log'::regclass")
        (partitions,) = cursor.fetchone()

    assert enabled == {"A": len(BROKEN) + partitions}  # always: whatever session_replication_role says
