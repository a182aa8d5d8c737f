"""The plans on offer, and the explicit price of zero of the sandbox."""

from datetime import UTC, datetime
from decimal import Decimal

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PLANS = (
    # code, name, tokens a period, price, most that rolls over
    ("starter", "Starter", 100_000, "0.00", 0),
    ("team", "Team", 2_000_000, "49.00", 1_000_000),
    ("business", "Business", 10_000_000, "199.00", 5_000_000),
)

FREE_PROVIDERS = {
    "sandbox": "the sandbox costs nothing",
    "sandbox-anthropic": "the sandbox costs nothing",
    "local": "a model on this machine costs nothing",
}


def add_plans(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    plan = apps.get_model("billing", "Plan")
    for position, (code, name, tokens, price, rollover) in enumerate(PLANS):
        plan.objects.create(
            code=code,
            name=name,
            tokens_per_period=tokens,
            price_usd=Decimal(price),
            max_rollover_tokens=rollover,
            position=position,
        )
    for provider, reason in FREE_PROVIDERS.items():
        apps.get_model("billing", "PriceVersion").objects.create(
            provider=provider,
            model="*",
            effective_from=datetime(2026, 1, 1, tzinfo=UTC),
            input_usd_per_million=Decimal(0),
            output_usd_per_million=Decimal(0),
            kind="free",
            source=reason,
        )


def remove_plans(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("billing", "Plan").objects.filter(code__in=[plan[0] for plan in PLANS]).delete()
    apps.get_model("billing", "PriceVersion").objects.filter(provider__in=FREE_PROVIDERS, model="*").delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(add_plans, remove_plans)]
