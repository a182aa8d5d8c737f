"""The rates of operations to begin with, and the rule that terms are never edited."""

from datetime import UTC, datetime
from decimal import Decimal

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# A CV takes four calls: together they cost 0.50 USD where the price is not known. Speech is charged by what providers
# count that do count it: ten tokens a second heard, twenty spoken.
RATES = {
    "cv_parse": {"fallback_usd_per_request": Decimal("0.125")},
    "cv_analyze": {"fallback_usd_per_request": Decimal("0.125")},
    "scoring": {"fallback_usd_per_request": Decimal("0.125")},
    "decision": {"fallback_usd_per_request": Decimal("0.125")},
    "question_generation": {"fallback_usd_per_request": Decimal("0.01")},
    "video_interview": {"fallback_usd_per_minute": Decimal("0.30"), "tokens_per_second": Decimal(30)},
    "transcription": {"tokens_per_second": Decimal(10)},
}

TABLES = ("billing_price_version", "billing_weight_version", "billing_operation_rate")
KEEP_TERMS = """
    CREATE FUNCTION billing_keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
    -- Usage logs name these rows: a row stays as it is. What is not in force yet may be withdrawn, once.
    BEGIN
        IF TG_OP = 'UPDATE'
           AND to_jsonb(OLD) - ARRAY['withdrawn_at', 'withdrawn_by_id']
               = to_jsonb(NEW) - ARRAY['withdrawn_at', 'withdrawn_by_id']
           AND OLD.withdrawn_at IS NULL AND OLD.effective_from > clock_timestamp() THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION '% is never edited: % refused; other terms are a new row', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END
    $$;
    CREATE FUNCTION billing_keep_rates() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is never edited: % refused; another price is a new version', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END
    $$;
    CREATE TRIGGER billing_price_rate_kept BEFORE UPDATE OR DELETE ON billing_price_rate
        FOR EACH ROW EXECUTE FUNCTION billing_keep_rates();
""" + "".join(
    f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION billing_keep_terms();\n"
    for table in TABLES
)
UNDO = (
    "".join(f"DROP TRIGGER {table}_kept ON {table};\n" for table in (*TABLES, "billing_price_rate"))
    + "DROP FUNCTION billing_keep_terms, billing_keep_rates;"
)


def add_rates(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    rate = apps.get_model("billing", "OperationRate")
    for operation, amounts in RATES.items():
        rate.objects.create(operation=operation, effective_from=datetime(2026, 1, 1, tzinfo=UTC), **amounts)


def remove_rates(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("billing", "OperationRate").objects.filter(operation__in=RATES).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_prices_of_every_kind")]

    operations = [
        migrations.RunPython(add_rates, remove_rates),
        migrations.RunSQL(KEEP_TERMS, UNDO),
    ]
