from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Companies and people"

    def ready(self) -> None:
        """Register the system checks."""
        from tenants import checks  # noqa: F401 - registers by being imported
