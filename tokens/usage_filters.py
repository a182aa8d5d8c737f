"""Which calls the list of recent usage shows: the state of its filters, as it stands in the page's address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from tenants.models import Company
from tenants.selectors import list_api_keys
from tokens.directory import label_applications


@dataclass(frozen=True)
class UsageFilters:
    """Only calls of one API key, of one application, or both; None: of any."""

    key: UUID | None = None
    application: UUID | None = None

    @property
    def columns(self) -> dict[str, UUID]:
        """The filters as columns of the usage log."""
        named = {"api_key_id": self.key, "application_id": self.application}
        return {column: value for column, value in named.items() if value is not None}


def read_filters(query: Mapping[str, str]) -> UsageFilters:
    """Read filters from an address; one that was cut short in copying filters nothing."""
    return UsageFilters(read_id(query.get("key", "")), read_id(query.get("application", "")))


def read_id(text: str) -> UUID | None:
    """Read an id from an address, or nothing from what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def describe_filters(company: Company, filters: UsageFilters) -> dict[str, Any]:
    """Say which filters are in use and how to be rid of them; what is not the company's has no name here."""
    if not filters.columns:
        return {}
    chips = []
    if filters.key is not None:
        key = list_api_keys(company).filter(pk=filters.key).first()
        chips.append(
            {"label": f"API key: {key.name if key else 'unknown'}", "remove_url": _url(company, filters, "key")}
        )
    if filters.application is not None:
        label = label_applications(company, {filters.application}).get(filters.application)
        name = f"Application: {label.text if label else 'unknown'}"
        chips.append({"label": name, "remove_url": _url(company, filters, "application")})
    return {"chips": chips, "clear_url": _url(company, UsageFilters(), "") if len(chips) > 1 else ""}


def _url(company: Company, filters: UsageFilters, without: str) -> str:
    """Return the page's address with the filters but one."""
    left = {name: value for name, value in vars(filters).items() if value is not None and name != without}
    return reverse("token_page", args=[company.slug]) + (f"?{urlencode(left)}" if left else "") + "#recent-usage"
