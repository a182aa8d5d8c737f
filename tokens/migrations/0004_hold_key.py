"""Holds know their idempotency key, so that a key is charged once however late its first call settles."""

from django.db import migrations, models

from tokens.sql import load


class Migration(migrations.Migration):
    dependencies = [("tokens", "0003_seals")]

    operations = [
        migrations.AddField(
            model_name="hold",
            name="key",
            field=models.CharField(blank=True, help_text="The caller's idempotency key.", max_length=255, null=True),
        ),
        migrations.RunSQL(
            sql=[load(name) for name in ("budgets", "place_hold", "extend_hold", "close_hold", "roll_over", "rights")],
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
