"""Which models a company's callers can name, and who runs each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.http.errors import Refusal
from ai_gateway.providers.registry import get_account
from ai_gateway.providers.types import ProviderKind
from ai_gateway.routing import Route
from ai_gateway.wire.types import FormatName
from billing.selectors import list_priced_models

# Models too new for the price book are known by their families' names.
_FAMILIES: Sequence[tuple[re.Pattern[str], ProviderKind]] = (
    (re.compile(r"(?:gpt-|chatgpt-|o\d|text-embedding-)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
)

_LONGEST_NAME = 128  # as usage logs keep it
# Stands for a company's own key where only it matters that there is one.
_SOME_KEY = "own"


@dataclass(frozen=True)
class Catalog:
    """What can be asked for at one moment: providers that can be used, in the order of preference, and their models."""

    kinds: Mapping[str, ProviderKind]
    models: Mapping[str, Sequence[str]]

    def find_route(self, name: str, format_name: FormatName) -> Route:
        """Return who runs the model that a caller names; raises ``Refusal``.

        ``provider/model`` says it; else whoever lists the model, else the provider of its family. Of several, one that
        speaks the caller's format comes first.
        """
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise no_such_model(name[:_LONGEST_NAME])
        provider, separator, model = name.partition("/")
        if separator and model and provider in self.kinds:
            return Route(provider, model)
        able = [provider for provider, models in self.models.items() if name in models] or self._find_family(name)
        if not able:
            raise no_such_model(name)
        wanted = "anthropic" if format_name == "messages" else "openai"
        speaking = [provider for provider in able if (self.kinds[provider] == "anthropic") == (wanted == "anthropic")]
        return Route((speaking or able)[0], name)

    def _find_family(self, name: str) -> list[str]:
        kind = next((kind for pattern, kind in _FAMILIES if pattern.match(name)), None)
        return [provider for provider, its_kind in self.kinds.items() if its_kind == kind]


def no_such_model(name: str) -> Refusal:
    """Return the answer to a caller who asks for what cannot be asked for here."""
    return Refusal(404, "model_not_found", f"There is no model '{name}' here.", "model")


def read_catalog(own_providers: frozenset[str]) -> Catalog:
    """Read what the settings and the price book say, for a company with keys of its own at some providers."""
    kinds = _list_kinds(own_providers)
    models: dict[str, list[str]] = {provider: [] for provider in kinds}
    for provider, model in sorted({*_list_configured_models(), *list_priced_models()}):
        if provider in models:
            models[provider].append(model)
    return Catalog(kinds, models)


def _list_configured_models() -> Iterator[tuple[str, str]]:
    """Yield what the settings name: a provider's own list, and the models of operations."""
    for provider, entry in settings.AI_PROVIDERS.items():
        yield from ((provider, model) for model in entry.get("models", ()))
    for routes in settings.AI_MODELS.values():
        for route in routes.split(","):
            provider, _, model = route.strip().partition("/")
            yield provider, model


def _list_kinds(own_providers: frozenset[str]) -> dict[str, ProviderKind]:
    """Return the providers that can be used: a company's own accounts, the one that is configured, the sandbox last."""

    def rank(name: str) -> tuple[bool, ...]:
        return name not in own_providers, name.startswith("sandbox"), name != settings.AI_PROVIDER

    kinds: dict[str, ProviderKind] = {}
    for name in sorted(settings.AI_PROVIDERS, key=rank):
        try:
            kinds[name] = get_account(name, _SOME_KEY if name in own_providers else None).kind
        except ImproperlyConfigured:  # no key, no address, or a sandbox that is not enabled
            continue
    return kinds
