"""What people enter about companies, members and their own accounts."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from allauth.account.forms import ResetPasswordKeyForm
from django import forms
from django.conf import settings

from tenants.accounts import verify_address
from tenants.models import MAX_ANSWER_DAYS, Company, Membership, Role
from tenants.selectors import list_time_zones


class CompanyForm(forms.ModelForm[Company]):
    """A company's name, its time zone, and for how long answers are kept."""

    class Meta:
        model = Company
        fields: tuple[str, ...] = ("name", "time_zone", "answer_days")
        help_texts = {
            "time_zone": "Days and months of usage are cut in this zone. Days already recorded stay as they were cut."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "organization"
        zones = {*list_time_zones(), self.instance.time_zone}
        self.fields["time_zone"] = forms.ChoiceField(
            choices=_by_area(sorted(zones)), help_text=self.fields["time_zone"].help_text
        )
        if "answer_days" in self.fields:
            self.fields["answer_days"] = forms.IntegerField(
                label=self.fields["answer_days"].label,
                required=False,
                min_value=1,
                max_value=MAX_ANSWER_DAYS,
                help_text=f"For how long a repeated AI call gets its stored answer: up to {MAX_ANSWER_DAYS} days. "
                f"Answers that are stored already keep their day. Empty: {settings.AI_ANSWER_DAYS} days.",
            )


class MemberForm(forms.Form):
    """Whom to add, and as what: at most what the acting member is."""

    email = forms.EmailField(label="Email", max_length=254, widget=forms.EmailInput({"autocomplete": "off"}))

    def __init__(self, *args: Any, acting: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(choices=roles_within(acting), initial=Role.RECRUITER)


class RoleForm(forms.Form):
    """Another role for a member: at most what the acting member is."""

    def __init__(self, *args: Any, acting: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(choices=roles_within(acting))


class SetPasswordForm(ResetPasswordKeyForm):  # type: ignore[misc]
    """Set a password by a link that came by e-mail, which also proves the address: nobody is asked twice."""

    def save(self) -> None:
        """Store the password and mark the address as verified."""
        super().save()
        verify_address(self.user)


def roles_within(acting: Membership) -> list[tuple[str, str]]:
    """List the roles that ``acting`` may give."""
    return [(value, label) for value, label in Role.choices if acting.allows(value)]


def _by_area(zones: Sequence[str]) -> list[tuple[str, Iterable[tuple[str, str]]]]:
    """Group zones under their continent or ocean; a zone's label leaves that part out."""
    areas = groupby(zones, key=lambda zone: zone.partition("/")[0])
    return [(area, [(zone, _city(zone)) for zone in members]) for area, members in areas]


def _city(zone: str) -> str:
    return (zone.partition("/")[2] or zone).replace("_", " ").replace("/", ", ")
