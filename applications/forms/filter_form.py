"""The filters above the list of applications."""

from typing import Any

from django import forms

from applications.models import ApplicationStatus, Job
from applications.selectors.jobs import list_jobs
from tenants.models import Company


class ApplicationFilterForm(forms.Form):
    """Filters in the address of the page; a value that makes no sense is left out rather than refused."""

    q = forms.CharField(
        label="Name or email", required=False, max_length=100, widget=forms.TextInput({"type": "search"})
    )
    job = forms.ModelChoiceField(
        label="Job", required=False, queryset=Job.objects.none(), to_field_name="slug", empty_label="All jobs"
    )
    status = forms.ChoiceField(label="Status", required=False, choices=[("", "Any status"), *ApplicationStatus.choices])

    def __init__(self, data: Any, company: Company) -> None:
        super().__init__(data)
        field = self.fields["job"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = list_jobs(company).order_by("title")

    def filters(self) -> dict[str, Any]:
        """Return the filters as ``list_applications`` takes them."""
        self.is_valid()
        values = self.cleaned_data
        return {"job": values.get("job"), "status": values.get("status", ""), "text": values.get("q", "")}
