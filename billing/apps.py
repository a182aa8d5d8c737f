from pathlib import Path

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Tell the ledger what plan a company is on, and have its audit look after every company's terms."""
        from billing.selectors import summarise_plan
        from billing.services.repairs import open_missing_terms
        from tokens.directory import register_plan_summary
        from tokens.selectors.audit import register_checks
        from tokens.services.repairs import register_repair

        register_plan_summary(summarise_plan)
        register_checks(Path(__file__).parent / "sql" / "audit")
        register_repair("companies_have_an_allocation", open_missing_terms)
