"""Which providers there are, and the one object per process and key that speaks to each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.providers.connections import Connections
from ai_gateway.providers.media import MediaProvider
from ai_gateway.providers.types import Provider, ProviderKind

SANDBOX = "sandbox"


class UnknownProvider(ImproperlyConfigured):
    """``AI_PROVIDERS`` has no entry of this name."""


class MisconfiguredProvider(ImproperlyConfigured):
    """An entry of ``AI_PROVIDERS`` cannot be used: its kind, address or key is wrong or missing."""


class SandboxRefused(ImproperlyConfigured):
    """The sandbox answers by rules, not by AI: outside DEBUG it serves only where it is enabled."""


@dataclass(frozen=True)
class ProviderAccount:
    """Where a provider is, and the platform's key there. ``base_url`` None: the provider's own address.

    ``api`` is which of its formats it is spoken to in from within the process.
    """

    name: str
    kind: ProviderKind
    base_url: str | None
    api_key: str = field(repr=False)
    api: str = "chat"


def get_provider(name: str, api_key: str | None = None) -> Provider:
    """Return the provider ``name`` of ``AI_PROVIDERS``, the same object for the life of the process.

    With ``api_key``, a company's own, it is the same provider under that key: requests are billed to the key's owner.
    Connections are shared between keys; of the objects, those used last are kept.

    Raises ``UnknownProvider``, ``MisconfiguredProvider`` or ``SandboxRefused``.
    """
    account = get_account(name, api_key)
    return _keep(account.name, account.kind, account.api, account.base_url, _Secret(account.api_key), os.getpid())


def get_media_provider(name: str, api_key: str | None = None) -> MediaProvider:
    """Return the provider ``name`` for embeddings and transcriptions; raises as ``get_provider`` does."""
    provider: Any = get_provider(name, api_key)
    if provider.kind == "anthropic":
        raise MisconfiguredProvider(f"The provider {name!r} is of a kind that has no embeddings or transcriptions.")
    media: MediaProvider = provider
    return media


def get_account(name: str, api_key: str | None = None) -> ProviderAccount:
    """Return how to reach the provider ``name`` of ``AI_PROVIDERS``, and with which key; raises as ``get_provider``."""
    entry = settings.AI_PROVIDERS.get(name)
    if entry is None:
        raise UnknownProvider(f"AI_PROVIDERS has no provider named {name!r}.")
    base_url = str(entry.get("base_url") or "").strip()
    if _is_sandbox(name, base_url) and not (settings.DEBUG or settings.SANDBOX_ENABLED):
        raise SandboxRefused(f"The provider {name!r} is the sandbox; set SANDBOX_ENABLED to use it outside DEBUG.")
    kind, api = _read_kind(name, entry), _read_api(name, entry)
    key = _check_key(name, str(entry.get("api_key") or "") if api_key is None else api_key)
    if base_url and not base_url.startswith(("http://", "https://")):
        raise MisconfiguredProvider(f"The address of the provider {name!r} must begin with http:// or https://.")
    if kind == "compatible" and not base_url:
        raise MisconfiguredProvider(f"The provider {name!r} needs an address: set its base_url.")
    return ProviderAccount(name, kind, base_url or None, key, api)


def is_sandbox_provider(name: str) -> bool:
    """Tell whether a provider of ``AI_PROVIDERS`` is the sandbox, under its own name or another."""
    return _is_sandbox(name, str(settings.AI_PROVIDERS.get(name, {}).get("base_url") or "").strip())


class _Secret:
    """A key as what a cache keeps its entries by: compared by its hash, and shown nowhere."""

    def __init__(self, value: str) -> None:
        self.value = value
        self._digest = sha256(value.encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return "<key>"


# A forked worker must not share its parent's connections, so the process is part of what these are kept by.
@lru_cache(maxsize=256)
def _keep(name: str, kind: ProviderKind, api: str, base_url: str | None, key: _Secret, process: int) -> Provider:
    adapter = _ADAPTERS[kind, api]()
    connections = _connect(adapter.address(base_url), process)
    provider: Provider = adapter(name=name, api_key=key.value, base_url=base_url, connections=connections)
    return provider


@lru_cache(maxsize=32)
def _connect(address: str, _process: int) -> Connections:
    return Connections(address)


def _load_chat() -> Any:
    from ai_gateway.providers.openai_chat import OpenAIChat

    return OpenAIChat


def _load_responses() -> Any:
    from ai_gateway.providers.openai_responses import OpenAIResponses

    return OpenAIResponses


def _load_compatible() -> Any:
    from ai_gateway.providers.compatible import CompatibleChat

    return CompatibleChat


def _load_messages() -> Any:
    from ai_gateway.providers.anthropic_messages import AnthropicMessages

    return AnthropicMessages


# By kind, and which of its formats is spoken: the first of a kind is the usual one. Each SDK takes about half a second
# to import: only the ones in use are.
_ADAPTERS: dict[tuple[ProviderKind, str], Callable[[], Any]] = {
    ("openai", "chat"): _load_chat,
    ("openai", "responses"): _load_responses,
    ("compatible", "chat"): _load_compatible,
    ("anthropic", "messages"): _load_messages,
}


def _is_sandbox(name: str, base_url: str) -> bool:
    """Return whether an entry leads to the sandbox, under its own name or another."""
    sandbox, address = (url.rstrip("/").removesuffix("/v1") for url in (settings.SANDBOX_URL, base_url))
    return name == SANDBOX or (bool(address) and address == sandbox)


def _read_kind(name: str, entry: Mapping[str, Any]) -> ProviderKind:
    kinds = list(dict.fromkeys(kind for kind, _ in _ADAPTERS))
    for kind in kinds:
        if entry.get("kind") == kind:
            return kind
    raise MisconfiguredProvider(f"The kind of the provider {name!r} must be one of {', '.join(kinds)}.")


def _read_api(name: str, entry: Mapping[str, Any]) -> str:
    """Return which of its formats the provider is spoken to in."""
    apis = [api for kind, api in _ADAPTERS if kind == entry.get("kind")]
    api = str(entry.get("api") or apis[0])
    if api not in apis:
        raise MisconfiguredProvider(f"The api of the provider {name!r} must be one of {', '.join(apis)}.")
    return api


def _check_key(name: str, api_key: str) -> str:
    """Return the key; a newline copied along is dropped, since it would break the header and be quoted in errors."""
    api_key = api_key.strip()
    if not api_key:
        raise MisconfiguredProvider(f"The provider {name!r} has no key.")
    if not api_key.isascii() or not api_key.isprintable():
        raise MisconfiguredProvider(f"The key of the provider {name!r} holds characters that no key has.")
    return api_key
