"""The form of a job and its criteria."""

from typing import TYPE_CHECKING, Any, cast

from django import forms

from applications.models import Criterion, Job
from applications.services.jobs import CriterionDraft, JobDraft

if TYPE_CHECKING:  # Django's forms are generic for the type checker alone
    _JobForm = forms.ModelForm[Job]
    _CriterionFormSet = forms.BaseFormSet["CriterionForm"]
else:
    _JobForm, _CriterionFormSet = forms.ModelForm, forms.BaseFormSet

MAX_CRITERIA = 30
_EMPTY_LINES = 3


class JobForm(_JobForm):
    """What a job is, and how much AI may do for it a day."""

    class Meta:
        model = Job
        fields = ("title", "location", "description", "status", "daily_ai_cap")
        widgets = {"description": forms.Textarea({"rows": 10})}
        labels = {"daily_ai_cap": "Applications screened by AI per day"}
        help_texts = {
            "daily_ai_cap": "Applications beyond it wait until the next day. It keeps a flood of uploads from using "
            "up your tokens."
        }

    def draft(self) -> JobDraft:
        """Return what was typed."""
        return JobDraft(**{name: self.cleaned_data[name] for name in self.Meta.fields})


class CriterionForm(forms.Form):
    """One thing that the job asks for; ``code`` tells which, and is empty in a new line."""

    code = forms.CharField(required=False, max_length=8, widget=forms.HiddenInput)
    text = forms.CharField(label="Criterion", max_length=300)
    weight = forms.IntegerField(
        label="Weight", min_value=1, max_value=10, initial=3, help_text="1 (minor) to 10 (decisive)"
    )
    must_have = forms.BooleanField(label="Must have", required=False)

    def draft(self) -> CriterionDraft:
        """Return what was typed."""
        return CriterionDraft(
            text=self.cleaned_data["text"],
            weight=self.cleaned_data["weight"],
            must_have=self.cleaned_data["must_have"],
            code=self.cleaned_data["code"],
            is_removed=bool(self.cleaned_data.get("DELETE")),
        )


class CriteriaFormSet(_CriterionFormSet):
    """The criteria of one job, with empty lines for more."""

    def drafts(self) -> list[CriterionDraft]:
        """Return the lines that are filled in: new ones, and existing ones even if nothing was changed."""
        return [form.draft() for form in self.forms if form.cleaned_data.get("text")]


_make_formset = forms.formset_factory(
    CriterionForm,
    formset=CriteriaFormSet,
    extra=_EMPTY_LINES,
    can_delete=True,
    max_num=MAX_CRITERIA,
    validate_max=True,
    absolute_max=MAX_CRITERIA + 10,
)


def criteria_formset(data: Any, job: Job | None) -> CriteriaFormSet:
    """Make the formset of a job's criteria, or of a new job's."""
    criteria = Criterion.objects.filter(job=job) if job else Criterion.objects.none()
    initial = list(criteria.values("code", "text", "weight", "must_have"))
    return cast(CriteriaFormSet, _make_formset(data, initial=initial, prefix="criteria"))
