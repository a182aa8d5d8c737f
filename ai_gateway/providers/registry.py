"""Which providers there are, and the one object per process that speaks to each."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

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
    """Where a provider is, and the platform's key there. ``base_url`` None: the provider's own address."""

    name: str
    kind: ProviderKind
    base_url: str | None
    api_key: str = field(repr=False)


def get_provider(name: str) -> Provider:
    """Return the provider ``name`` of ``AI_PROVIDERS``, the same object for the life of the process.

    Raises ``UnknownProvider``, ``MisconfiguredProvider`` or ``SandboxRefused``.
    """
    account = get_account(name)
    # A forked worker must not share its parent's connections, so the process is part of the key.
    return _build(account.name, account.kind, account.base_url, account.api_key, os.getpid())


def get_account(name: str) -> ProviderAccount:
    """Return how to reach the provider ``name`` of ``AI_PROVIDERS``; raises as ``get_provider`` does."""
    entry = settings.AI_PROVIDERS.get(name)
    if entry is None:
        raise UnknownProvider(f"AI_PROVIDERS has no provider named {name!r}.")
    base_url = str(entry.get("base_url") or "").strip()
    if _is_sandbox(name, base_url) and not (settings.DEBUG or settings.SANDBOX_ENABLED):
        raise SandboxRefused(f"The provider {name!r} is the sandbox; set SANDBOX_ENABLED to use it outside DEBUG.")
    kind, api_key = _read_kind(name, entry), _read_key(name, entry)
    if base_url and not base_url.startswith(("http://", "https://")):
        raise MisconfiguredProvider(f"The address of the provider {name!r} must begin with http:// or https://.")
    if kind == "compatible" and not base_url:
        raise MisconfiguredProvider(f"The provider {name!r} needs an address: set its base_url.")
    return ProviderAccount(name, kind, base_url or None, api_key)


@lru_cache(maxsize=32)
def _build(name: str, kind: ProviderKind, base_url: str | None, api_key: str, _process: int) -> Provider:
    return _BUILDERS[kind](name=name, api_key=api_key, base_url=base_url)


def _build_openai(*, name: str, api_key: str, base_url: str | None) -> Provider:
    from ai_gateway.providers.openai_chat import OpenAIChat

    return OpenAIChat(name=name, api_key=api_key, base_url=base_url)


def _build_compatible(*, name: str, api_key: str, base_url: str | None) -> Provider:
    from ai_gateway.providers.compatible import CompatibleChat

    return CompatibleChat(name=name, api_key=api_key, base_url=base_url)


def _build_anthropic(*, name: str, api_key: str, base_url: str | None) -> Provider:
    from ai_gateway.providers.anthropic_messages import AnthropicMessages

    return AnthropicMessages(name=name, api_key=api_key, base_url=base_url)


# Each SDK takes about half a second to import: only the ones in use are.
_BUILDERS: dict[ProviderKind, Callable[..., Provider]] = {
    "openai": _build_openai,
    "compatible": _build_compatible,
    "anthropic": _build_anthropic,
}


def _is_sandbox(name: str, base_url: str) -> bool:
    """Return whether an entry leads to the sandbox, under its own name or another."""
    sandbox, address = (url.rstrip("/").removesuffix("/v1") for url in (settings.SANDBOX_URL, base_url))
    return name == SANDBOX or (bool(address) and address == sandbox)


def _read_kind(name: str, entry: Mapping[str, Any]) -> ProviderKind:
    for kind in _BUILDERS:
        if entry.get("kind") == kind:
            return kind
    raise MisconfiguredProvider(f"The kind of the provider {name!r} must be one of {', '.join(_BUILDERS)}.")


def _read_key(name: str, entry: Mapping[str, Any]) -> str:
    """Return the key; a newline copied along is dropped, since it would break the header and be quoted in errors."""
    api_key = str(entry.get("api_key") or "").strip()
    if not api_key:
        raise MisconfiguredProvider(f"The provider {name!r} has no key.")
    if not api_key.isascii() or not api_key.isprintable():
        raise MisconfiguredProvider(f"The key of the provider {name!r} holds characters that no key has.")
    return api_key
