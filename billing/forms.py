"""What people enter to open a company."""

from tenants.forms import CompanyForm


class NewCompanyForm(CompanyForm):
    """Name and time zone of a company to be opened."""

    def refuse_for_number(self, max_companies: int) -> None:
        """Say that the person has as many companies as one may open alone."""
        number = "1 company" if max_companies == 1 else f"{max_companies} companies"
        self.add_error(
            None,
            f"You own {number}, which is as many as one person can open. Each comes with free tokens; ask support if "
            "you need another.",
        )
