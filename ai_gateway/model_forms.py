"""What a company's admins enter to choose models."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html

from ai_gateway.model_choices import ModelChoice
from ai_gateway.routing import Route


class ModelForm(forms.Form):
    """A model for an operation, and one to ask when that is of no use."""

    model = forms.ChoiceField(label="Model", required=False)
    fallback = forms.ChoiceField(
        label="If it is of no use",
        required=False,
        help_text="Asked when the model above is down or gives no answer that can be used.",
    )

    def __init__(self, *args: Any, choices: Sequence[ModelChoice], default: str, **options: Any) -> None:
        """Offer ``choices``, and before them what is used unless somebody chooses."""
        super().__init__(*args, **options)
        self._choices = {str(choice.route): choice for choice in choices}
        named = [(name, _describe(choice)) for name, choice in self._choices.items()]
        self.fields["model"].choices = [("", "Winnow's default"), *named]  # type: ignore[attr-defined]
        self.fields["model"].help_text = format_html("The default is {}.", default)
        self.fields["fallback"].choices = [("", "No other"), *named]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a fallback that would never be asked."""
        cleaned = super().clean() or {}
        first, second = self._choices.get(cleaned.get("model", "")), self._choices.get(cleaned.get("fallback", ""))
        if second is None:
            return cleaned
        if first is None:
            self.add_error("fallback", "The default has its own. Choose a model above first.")
        elif first == second:
            self.add_error("fallback", "This is the model above.")
        elif first.is_own_key != second.is_own_key:
            self.add_error("fallback", "A call is made with your own keys alone or without them. Choose another.")
        return cleaned

    def routes(self) -> list[Route]:
        """Return the models in the order in which they are asked; none: the default."""
        names = (self.cleaned_data["model"], self.cleaned_data["fallback"])
        return [self._choices[name].route for name in names if name]


def _describe(choice: ModelChoice) -> str:
    if choice.is_own_key:
        return f"{choice.route} (your own key: takes no tokens)"
    return str(choice.route) if choice.weight == 1 else f"{choice.route} ({choice.weight.normalize():f} tokens for one)"
