"""What a company's admins enter about API keys, and about their own keys at providers."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone

from tenants.models import KeyScope
from tokens.models import BudgetAction, BudgetPeriod

MAX_REQUESTS_PER_MINUTE = 10_000
_MAX_MODELS = 50
_LONGEST_LIFE = timedelta(days=3653)
_MODEL = re.compile(r"[\w.:/@*?-]{1,128}")
_NUMBER = {"inputmode": "numeric"}
_PROVIDER_KEY = re.compile(r"[\w-]{20,256}", re.ASCII)
_KEY_BEGINNINGS = {"openai": "sk-", "anthropic": "sk-ant-"}


class BudgetForm(forms.Form):
    """How many tokens a key may use in a period."""

    limit_tokens = forms.IntegerField(
        label="Token budget",
        required=False,
        min_value=1,
        max_value=10**15,
        widget=forms.NumberInput(_NUMBER),
        help_text="Charged tokens. Empty: no limit of its own.",
    )
    period = forms.ChoiceField(label="Budget period", choices=BudgetPeriod, initial=BudgetPeriod.MONTH)
    action = forms.ChoiceField(
        label="At the limit",
        choices=[(BudgetAction.STOP, "Refuse further calls"), (BudgetAction.WARN, "Let calls through, and warn")],
        initial=BudgetAction.STOP,
    )

    def clean_period(self) -> BudgetPeriod:
        """Return the period itself."""
        return BudgetPeriod(self.cleaned_data["period"])

    def clean_action(self) -> BudgetAction:
        """Return the action itself."""
        return BudgetAction(self.cleaned_data["action"])


class ApiKeyForm(BudgetForm):
    """A new key: what it is for, and its limits. Days are the company's."""

    name = forms.CharField(
        max_length=100,
        help_text="What uses it, such as “Nightly import”.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="May be used to",
        choices=KeyScope,
        initial=[KeyScope.INFERENCE, KeyScope.MODELS],
        widget=forms.CheckboxSelectMultiple,
    )
    allowed_models = forms.CharField(
        label="Models",
        required=False,
        max_length=2000,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text="Names or patterns such as <code>claude-haiku-*</code>, with commas between them. Empty: all models.",
    )
    requests_per_minute = forms.IntegerField(
        label="Requests per minute",
        required=False,
        min_value=1,
        max_value=MAX_REQUESTS_PER_MINUTE,
        widget=forms.NumberInput(_NUMBER),
        help_text="Empty: no limit of its own.",
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text="The key expires at the end of that day. Empty: never.",
    )

    form_token = forms.CharField(required=False, widget=forms.HiddenInput, initial=uuid4)

    field_order = ("name", "scopes", "allowed_models", "expires_on", "requests_per_minute")

    def clean_name(self) -> str:
        """Keep the name on one line."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_allowed_models(self) -> list[str]:
        """Read the names; the same one twice is one."""
        names = list(dict.fromkeys(re.split(r"[,\s]+", self.cleaned_data["allowed_models"].strip(", \t\n"))))
        names = [name for name in names if name]
        for name in names:
            if not _MODEL.fullmatch(name):
                raise forms.ValidationError("“%(name)s” cannot be the name of a model.", params={"name": name})
        if len(names) > _MAX_MODELS:
            raise forms.ValidationError(f"Name at most {_MAX_MODELS}; a pattern can stand for many.")
        return names

    def clean_expires_on(self) -> date | None:
        """Refuse a day that is over."""
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError("That day is over.")
        if day is not None and day > timezone.localdate() + _LONGEST_LIFE:
            raise forms.ValidationError("That is more than ten years from now. Leave it empty for a key without end.")
        return day

    def clean_form_token(self) -> UUID | None:
        """Return what tells this form from others, if it is still there: sent again, it makes no second key."""
        try:
            return UUID(self.cleaned_data["form_token"])
        except ValueError:
            return None

    def key_terms(self) -> dict[str, Any]:
        """Return what ``create_api_key`` needs."""
        entered = self.cleaned_data
        return {
            "name": entered["name"],
            "scopes": entered["scopes"],
            "allowed_models": entered["allowed_models"],
            "requests_per_minute": entered["requests_per_minute"],
            "expires_at": _end_of(entered["expires_on"]) if entered["expires_on"] else None,
            "form_token": entered["form_token"],
        }

    def budget(self) -> dict[str, Any]:
        """Return the budget that goes with the key."""
        return {name: self.cleaned_data[name] for name in BudgetForm.base_fields}


class ProviderKeyForm(forms.Form):
    """A company's own key at a provider, judged by its shape alone: no request is made with it."""

    secret = forms.CharField(
        label="Key",
        max_length=300,
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, provider: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._begins_with = _KEY_BEGINNINGS.get(provider, "")
        if self._begins_with:
            self.fields["secret"].help_text = f"It begins with <code>{self._begins_with}</code>."

    def clean_secret(self) -> str:
        """Refuse what cannot be a key; blanks copied along are dropped. What was entered is never quoted."""
        secret: str = self.cleaned_data["secret"].strip()
        if not _PROVIDER_KEY.fullmatch(secret) or not secret.startswith(self._begins_with):
            raise forms.ValidationError("This is not a key of that provider.")
        return secret


def _end_of(day: date) -> datetime:
    """Return the moment at which a day is over in the current zone."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
