"""The form that screens an application once more."""

from typing import Any

from django import forms

from applications.models import Operation


class ResieveForm(forms.Form):
    """Why, and from which step on. ``number`` is that of the run to start: sent twice, it starts one."""

    from_operation = forms.ChoiceField(label="From step", choices=Operation.choices)
    reason = forms.CharField(label="Reason", required=False, max_length=300)
    number = forms.IntegerField(min_value=2, max_value=10_000, widget=forms.HiddenInput)

    @classmethod
    def for_run(cls, number: int) -> "ResieveForm":
        """Make an empty form that starts run ``number``."""
        return cls(initial={"number": number, "from_operation": Operation.CV_PARSE})

    def run_wanted(self) -> dict[str, Any]:
        """Return what was typed as ``start_run`` takes it."""
        return {name: self.cleaned_data[name] for name in ("from_operation", "reason", "number")}
