"""Bind every reference inside a company to that company."""

from django.db import migrations

from applications.sql import SAME_COMPANY, UNDO_SAME_COMPANY


class Migration(migrations.Migration):
    dependencies = [("applications", "0001_initial")]

    operations = [migrations.RunSQL(sql=SAME_COMPANY, reverse_sql=UNDO_SAME_COMPANY)]
