"""The parts of the ledger that live in SQL: the partitioned usage log, the rules, the functions that move tokens, and
who may call them."""

from django.db import migrations

from tokens.sql import load

FUNCTIONS = (
    "free_tokens",
    "budgets",
    "repay_debt",
    "expire_hold",
    "take_turn",
    "place_hold",
    "place_holds",
    "extend_hold",
    "start_attempt",
    "close_hold",
    "close_holds",
    "mark_unknown",
    "grant_tokens",
    "expire_allocation",
    "refund",
    "correct_cost",
    "revoke_tokens",
    "roll_over",
    "repairs",
    "rights",
)
UNDO = """
    DROP FUNCTION IF EXISTS tokens_free_tokens, tokens_company_day, tokens_repay_debt, tokens_expire_hold,
        tokens_place_hold, tokens_start_attempt, tokens_close_hold, tokens_mark_unknown, tokens_grant,
        tokens_expire_allocation, tokens_make_partitions, tokens_hold_on_allocations, tokens_extend_hold,
        tokens_budgets_of, tokens_count_in_budgets, tokens_create_budget, tokens_in_scope, tokens_period_start,
        tokens_limit_product_role, tokens_refund, tokens_correct_cost, tokens_revoke, tokens_roll_over,
        tokens_rebuild_counters, tokens_enter_missing, tokens_take_turn, tokens_pay_charges,
        tokens_burn_rank_of, tokens_take_turns, tokens_place_holds, tokens_close_holds;
    ALTER TABLE tokens_hold_part
        DROP CONSTRAINT tokens_hold_part_same_company_hold, DROP CONSTRAINT tokens_hold_part_same_company_allocation;
    ALTER TABLE tokens_ledger_entry DROP CONSTRAINT tokens_ledger_entry_same_company_allocation;
    DROP TRIGGER tokens_allocation_is_sound ON tokens_allocation;
    DROP TRIGGER tokens_hold_is_sound ON tokens_hold;
    DROP TRIGGER tokens_attempt_is_sound ON tokens_attempt;
    DROP TRIGGER tokens_ledger_entry_is_sound ON tokens_ledger_entry;
    DROP TRIGGER tokens_ledger_entry_append_only ON tokens_ledger_entry;
    DROP TRIGGER tokens_ledger_entry_keep ON tokens_ledger_entry;
    DROP TABLE tokens_usage_log;
    DROP FUNCTION tokens_refuse_change, tokens_uuid_floor, tokens_refuse_row, tokens_check_allocation, tokens_check_hold,
        tokens_check_attempt, tokens_check_ledger_entry, tokens_check_usage_log;
"""


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_initial"), ("tenants", "0002_product_role")]

    operations = [
        migrations.RunSQL(
            sql=[load("usage_log"), load("rules"), load("row_rules"), *(load(name) for name in FUNCTIONS)],
            reverse_sql=UNDO,
        ),
    ]
