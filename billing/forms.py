"""What people enter to open a company, and what staff enter about prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from billing.models import CLASS_PRICES, RATE_AMOUNTS, OperationRate, PriceVersion
from billing.price_list import ListedRate
from billing.rate_lines import SHORT_NAMES, parse_rates, write_rates
from tenants.forms import CompanyForm

# Beyond these a year was mistyped.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_FURTHEST = timedelta(days=3653)

_KINDS = (("override", "Our own price"), ("free", "Free: it costs nothing"), ("listed", "Back to the price list"))


class NewCompanyForm(CompanyForm):
    """Name and time zone of a company to be opened."""

    class Meta(CompanyForm.Meta):
        fields = ("name", "time_zone")
        help_texts = {"time_zone": "Days and months of usage are cut in this zone."}

    def refuse_for_number(self, max_companies: int) -> None:
        """Say that the person has as many companies as one may open alone."""
        number = "1 company" if max_companies == 1 else f"{max_companies} companies"
        self.add_error(
            None,
            f"You own {number}, which is as many as one person can open. Each comes with free tokens; ask support if "
            "you need another.",
        )


class DatedForm(forms.Form):
    """From when on, and why."""

    effective_from = forms.DateTimeField(
        label="From (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    reason = forms.CharField(max_length=200)

    def clean_effective_from(self) -> datetime:
        """Take what was entered as UTC, whatever zone the page is shown in; refuse a year that was mistyped."""
        moment: datetime = self.cleaned_data["effective_from"].replace(tzinfo=UTC)
        if not _EARLIEST <= moment <= timezone.now() + _FURTHEST:
            raise forms.ValidationError("Look at the year: this is before 2020, or more than ten years from now.")
        return moment


class PriceForm(DatedForm):
    """A model's price from a moment on: US dollars per million tokens, thousand tool requests or hour."""

    kind = forms.ChoiceField(
        label="What holds", choices=_KINDS, help_text="The prices below count for a price of our own alone."
    )
    other_rates = forms.CharField(
        required=False,
        widget=forms.Textarea({"rows": 6, "spellcheck": "false"}),
        help_text="One line for each tier and length of input, such as “flex: input=1 output=5” or “standard above "
        "272000: input=4 output=15”. A tier that is not here is not priced.",
    )

    def __init__(self, *args: Any, current: PriceVersion | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, column in SHORT_NAMES.items():
            self.fields[column] = forms.DecimalField(
                label=_label(name, column), max_digits=20, decimal_places=12, min_value=0, required=False
            )
            usd = getattr(current, column, None)
            self.fields[column].initial = None if usd is None else f"{usd.normalize():f}"
        self.fields["other_rates"].initial = "" if current is None else write_rates(current)
        self.order_fields(["kind", "effective_from", *CLASS_PRICES, "other_rates", "reason"])

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Return the fields of prices under what they have in common."""
        by_heading: dict[str, list[forms.BoundField]] = {"Input": [], "Output": [], "Tools and media": []}
        for column in CLASS_PRICES:
            side = "Output" if column.startswith("output") else "Input"
            by_heading[side if column.endswith("_per_million") else "Tools and media"].append(self[column])
        return [
            (f"{name}, US dollars per million tokens" if name.endswith("put") else name, fields)
            for name, fields in by_heading.items()
        ]

    def clean_other_rates(self) -> tuple[ListedRate, ...]:
        """Read the lines."""
        try:
            return parse_rates(self.cleaned_data["other_rates"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Ask for at least one price of our own."""
        cleaned = super().clean() or {}
        if cleaned.get("kind") == "override" and all(cleaned.get(column) is None for column in CLASS_PRICES):
            self.add_error("kind", "Enter at least one price.")
        return cleaned


class WeightForm(DatedForm):
    """How many tokens a provider token of a model charges from a moment on."""

    weight = forms.DecimalField(max_digits=12, decimal_places=6, min_value=0)
    field_order = ("effective_from", "weight", "reason")

    def clean_weight(self) -> Any:
        """Refuse a weight that would charge nothing."""
        weight = self.cleaned_data["weight"]
        if not weight:
            raise forms.ValidationError("The weight must be more than zero.")
        return weight


class OperationRateForm(DatedForm):
    """What an operation charges where no provider counts tokens, and costs where no price is known."""

    tokens_per_second = forms.DecimalField(
        label="Tokens per second", max_digits=12, decimal_places=6, min_value=0, required=False
    )
    tokens_per_request = forms.DecimalField(
        label="Tokens per request", max_digits=12, decimal_places=6, min_value=0, required=False
    )
    fallback_usd_per_request = forms.DecimalField(
        label="Fallback, USD per request", max_digits=20, decimal_places=12, required=False
    )
    fallback_usd_per_minute = forms.DecimalField(
        label="Fallback, USD per minute", max_digits=20, decimal_places=12, required=False
    )
    field_order = ("effective_from", *RATE_AMOUNTS, "reason")

    def __init__(self, *args: Any, current: OperationRate | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for column in RATE_AMOUNTS:
            amount = getattr(current, column, None)
            self.fields[column].initial = None if amount is None else f"{amount.normalize():f}"

    def clean_fallback_usd_per_request(self) -> Decimal | None:
        """Refuse a fallback of zero."""
        return _more_than_zero(self.cleaned_data["fallback_usd_per_request"])

    def clean_fallback_usd_per_minute(self) -> Decimal | None:
        """Refuse a fallback of zero."""
        return _more_than_zero(self.cleaned_data["fallback_usd_per_minute"])

    def amounts(self) -> dict[str, Decimal | None]:
        """Return the amounts by column."""
        return {column: self.cleaned_data[column] for column in RATE_AMOUNTS}


def _more_than_zero(usd: Decimal | None) -> Decimal | None:
    """Return a fallback. One of zero would be the silent zero that it is there to prevent."""
    if usd is not None and usd <= 0:
        raise forms.ValidationError("A fallback is more than zero; leave it empty for none.")
    return usd


def _label(name: str, column: str) -> str:
    unit = column.rpartition("_per_")[2]
    return name.replace("_", " ").capitalize() + ("" if unit == "million" else f", USD per {unit}")
