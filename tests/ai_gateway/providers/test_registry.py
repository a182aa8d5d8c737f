import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.providers import registry
from ai_gateway.providers.anthropic_messages import AnthropicMessages
from ai_gateway.providers.compatible import CompatibleChat
from ai_gateway.providers.openai_chat import OpenAIChat
from ai_gateway.providers.registry import MisconfiguredProvider, SandboxRefused, UnknownProvider, get_provider

SANDBOX_URL = "http://127.0.0.1:8101/v1"


@pytest.fixture(autouse=True)
def providers(settings):
    settings.SANDBOX_URL, settings.SANDBOX_ENABLED, settings.DEBUG = SANDBOX_URL, False, False
    settings.AI_PROVIDERS = {
        "sandbox": {"kind": "openai", "base_url": SANDBOX_URL, "api_key": "sandbox"},
        "openai": {"kind": "openai", "base_url": None, "api_key": "sk-1"},
        "anthropic": {"kind": "anthropic", "base_url": None, "api_key": "sk-2"},
        "compatible": {"kind": "compatible", "base_url": "http://10.0.0.7/v1", "api_key": "none"},
    }
    return settings.AI_PROVIDERS


@pytest.mark.parametrize(
    ("name", "adapter", "kind"),
    [
        ("openai", OpenAIChat, "openai"),
        ("anthropic", AnthropicMessages, "anthropic"),
        ("compatible", CompatibleChat, "compatible"),
    ],
)
def test_each_kind_has_its_adapter(name, adapter, kind):
    provider = get_provider(name)
    assert (type(provider), provider.name, provider.kind) == (adapter, name, kind)


def test_a_provider_is_built_once_and_again_when_its_settings_change(providers):
    first = get_provider("openai")
    assert get_provider("openai") is first
    providers["openai"]["api_key"] = "sk-changed"
    assert get_provider("openai") is not first


def test_a_forked_process_gets_its_own_connections(monkeypatch):
    parents, child = get_provider("openai"), os.getpid() + 1
    monkeypatch.setattr(registry.os, "getpid", lambda: child)
    assert get_provider("openai") is not parents


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownProvider, match="no provider named 'gemini'"):
        get_provider("gemini")


def test_the_sandbox_is_refused_where_nobody_enabled_it():
    with pytest.raises(SandboxRefused, match="set SANDBOX_ENABLED"):
        get_provider("sandbox")


@pytest.mark.parametrize(
    ("name", "kind"), [("openai", "openai"), ("anthropic", "anthropic"), ("compatible", "compatible")]
)
@pytest.mark.parametrize("address", [SANDBOX_URL, SANDBOX_URL + "/", SANDBOX_URL.removesuffix("/v1")])
def test_the_sandbox_is_refused_under_another_name_too(providers, name, kind, address):
    providers[name] = {"kind": kind, "base_url": address, "api_key": "sk-1"}
    with pytest.raises(SandboxRefused, match=f"{name}"):
        get_provider(name)


@pytest.mark.parametrize("setting", ["DEBUG", "SANDBOX_ENABLED"])
def test_the_sandbox_serves_in_debug_or_when_enabled(settings, setting):
    setattr(settings, setting, True)
    assert type(get_provider("sandbox")) is OpenAIChat


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "gemini"}, "kind of the provider 'openai' must be one of openai, compatible, anthropic"),
        ({"api_key": ""}, "has no key"),
        ({"api_key": None}, "has no key"),
        ({"api_key": "sk-\x7f"}, "characters that no key has"),
        ({"api_key": "sk-ключ"}, "characters that no key has"),
        ({"base_url": "api.openai.com"}, "must begin with http"),
        ({"kind": "compatible", "base_url": ""}, "needs an address"),
    ],
)
def test_an_entry_that_cannot_work_is_refused_without_showing_the_key(providers, changes, message):
    providers["openai"].update(changes)
    with pytest.raises(MisconfiguredProvider, match=message) as refusal:
        get_provider("openai")
    assert "sk-" not in str(refusal.value)
    assert isinstance(refusal.value, ImproperlyConfigured)


def test_a_newline_copied_with_the_key_is_dropped(providers):
    plain = get_provider("openai")
    providers["openai"]["api_key"] = " sk-1\n"
    assert get_provider("openai") is plain
