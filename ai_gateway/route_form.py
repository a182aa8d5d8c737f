"""What staff enter to route an operation."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.operations import API_OPERATION
from ai_gateway.provider_keys import list_own_key_providers
from ai_gateway.routing import Route, find_trouble, parse_chains, write_chains
from tenants.models import Company
from tokens.operations import label_operation

_MODEL_LENGTH = 128  # as usage logs keep it
_MAX_MODELS = 6
_WRITTEN_LENGTH = 1000  # of the column


class RouteForm(forms.Form):
    """An operation, whose it is, and the models in the order in which they are asked."""

    operation = forms.ChoiceField()
    company = forms.ModelChoiceField(
        Company.objects.order_by("name"), required=False, empty_label="All companies without a route of their own"
    )
    chain = forms.CharField(
        label="Models",
        required=False,
        max_length=1000,
        help_text=(
            "provider/model; after a comma the model to fall back to, and so on. Empty: back to the default. "
            "For the API: what is asked in the place of a chain's first model, with semicolons between chains."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Offer the operations of the settings."""
        super().__init__(*args, **options)
        operations = [*settings.AI_OPERATIONS, API_OPERATION]
        choices = [(operation, label_operation(operation)) for operation in operations]
        self.fields["operation"].choices = choices  # type: ignore[attr-defined]

    def clean_chain(self) -> str:
        """Refuse models that could never be asked; a company's own key at a provider lets in its models for it."""
        chain: str = self.cleaned_data["chain"]
        try:
            chains = parse_chains(self.cleaned_data.get("operation", ""), chain) if chain.strip() else []
            troubles = [self._find_trouble(route) for routes in chains for route in routes]
        except (ValueError, ImproperlyConfigured) as error:
            raise forms.ValidationError(str(error)) from error
        if any(troubles):
            raise forms.ValidationError(next(filter(None, troubles)))
        models = [route.model for routes in chains for route in routes]
        if any(len(model) > _MODEL_LENGTH for model in models) or any(len(routes) > _MAX_MODELS for routes in chains):
            raise forms.ValidationError(
                f"Name at most {_MAX_MODELS} models, none longer than {_MODEL_LENGTH} characters."
            )
        written = write_chains(chains)
        if len(written) > _WRITTEN_LENGTH:
            raise forms.ValidationError(f"That is more than {_WRITTEN_LENGTH:,} characters.")
        return written

    def _find_trouble(self, route: Route) -> str:
        """Say why a model cannot be asked for whom the route is; raises ``ImproperlyConfigured``."""
        company: Company | None = self.cleaned_data.get("company")
        trouble = find_trouble(route, company.pk if company else None)
        if not trouble or route.provider not in list_own_key_providers():
            return trouble
        hint = f"{company} needs its own there" if company else "only a company with its own there can be routed to it"
        return f"{trouble} Without the platform's, {hint}."
