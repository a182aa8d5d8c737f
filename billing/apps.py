from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Tell the ledger's pages what plan a company is on."""
        from billing.selectors import summarise_plan
        from tokens.directory import register_plan_summary

        register_plan_summary(summarise_plan)
