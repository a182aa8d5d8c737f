"""Let the product's role use what the owner makes, now and later; the ledger takes most of it back for its tables.

Without the role (a developer's single-role database) this does nothing.
"""

from django.db import migrations

GRANT_USE = """
DO $$
BEGIN
    IF to_regrole('winnow_app') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA public TO winnow_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO winnow_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO winnow_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO winnow_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO winnow_app;
    END IF;
END
$$
"""
REVOKE_USE = """
DO $$
BEGIN
    IF to_regrole('winnow_app') IS NOT NULL THEN
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM winnow_app;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM winnow_app;
        REVOKE ALL ON ALL TABLES IN SCHEMA public FROM winnow_app;
        REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM winnow_app;
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [migrations.RunSQL(sql=GRANT_USE, reverse_sql=REVOKE_USE)]
