"""Seals of the ledger, the index that reads entries in commit order, and the functions that cut days and write seals."""

import django.db.models.deletion
from django.db import migrations, models

import tokens.models.fields
from tokens.sql import load

UNDO = """
    DROP FUNCTION tokens_seal_next, tokens_seal_line, tokens_day_cut, tokens_last_seal;
    DROP TRIGGER tokens_seal_append_only ON tokens_seal;
    DROP TRIGGER tokens_seal_keep ON tokens_seal;
    DROP INDEX tokens_ledger_entry_in_commit_order;
"""


class Migration(migrations.Migration):
    dependencies = [("tokens", "0002_ledger_rules")]

    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "company_id", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.IntegerField(help_text="1, 2, 3 … in every company.")),
                ("company_day", models.DateField(help_text="The day whose statement these entries belong to.")),
                (
                    "closes_day",
                    models.BooleanField(help_text="Whether entries that commit from now on belong to later days."),
                ),
                (
                    "from_xact",
                    tokens.models.fields.TransactionIdField(help_text="The first transaction that it may hold."),
                ),
                (
                    "to_xact",
                    tokens.models.fields.TransactionIdField(help_text="The first transaction that it no longer holds."),
                ),
                ("entry_count", models.IntegerField()),
                ("delta_tokens", models.BigIntegerField(help_text="Sum of its entries.")),
                ("balance_tokens", models.BigIntegerField(help_text="The company's true balance after them.")),
                ("previous_sha256", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                (
                    "sealed_at",
                    models.DateTimeField(db_default=tokens.models.fields.ClockTimestamp(), editable=False),
                ),
                (
                    "company",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seals",
                        to="tokens.account",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["company", "company_day"], name="tokens_seal_of_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("company", "from_xact"), name="tokens_seal_begins_once"),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="tokens_seal_numbered_from_one"
                    ),
                    models.CheckConstraint(condition=models.Q(("entry_count__gte", 1)), name="tokens_seal_not_empty"),
                    models.CheckConstraint(
                        condition=models.Q(("from_xact__lt", models.F("to_xact"))), name="tokens_seal_ends_after_start"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("previous_sha256__regex", "^[0-9a-f]{64}$"), ("sha256__regex", "^[0-9a-f]{64}$")
                        ),
                        name="tokens_seal_hashes_are_sha256",
                    ),
                ],
            },
        ),
        migrations.RunSQL(sql=load("seals"), reverse_sql=UNDO),
    ]
