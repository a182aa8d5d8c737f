"""Which model of which provider does an operation."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Route:
    """A model, and the name of the provider in ``AI_PROVIDERS`` that runs it."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


def choose_route(operation: str) -> Route:
    """Return the configured model of ``operation``.

    Raises:
        ImproperlyConfigured: ``AI_MODELS`` has no entry of the form ``provider/model`` for it.
    """
    provider, separator, model = settings.AI_MODELS.get(operation, "").partition("/")
    if not (separator and model and provider in settings.AI_PROVIDERS):
        raise ImproperlyConfigured(f"AI_MODELS[{operation!r}] must read provider/model, with a known provider.")
    return Route(provider, model)
