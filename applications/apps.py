from pathlib import Path

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "applications"
    verbose_name = "Applications"

    def ready(self) -> None:
        """Tell the ledger how to name applications and jobs and what work is under way, and join its audit."""
        from applications.selectors import directory
        from tokens import directory as ledger
        from tokens.selectors.audit import register_checks

        ledger.register_application_labels(directory.label_applications)
        ledger.register_job_labels(directory.label_jobs)
        ledger.register_work_summary(directory.summarise_work)
        ledger.register_work_counter(directory.count_work)
        ledger.register_owner_finder("application", directory.find_company_of_application)
        ledger.register_owner_finder("job", directory.find_company_of_job)
        register_checks(Path(__file__).parent / "sql" / "audit")
