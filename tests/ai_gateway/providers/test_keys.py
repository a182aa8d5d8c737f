"""Companies' own keys: the same provider under another key, kept within bounds, shown nowhere."""

import asyncio

import pytest

from ai_gateway.providers import registry
from ai_gateway.providers.media import EmbeddingRequest
from ai_gateway.providers.openai_chat import OpenAIChat
from ai_gateway.providers.openai_responses import OpenAIResponses
from ai_gateway.providers.registry import MisconfiguredProvider, get_media_provider, get_provider
from tests.ai_gateway.providers.conftest import make_request


@pytest.fixture(autouse=True)
def providers(settings, sandbox):
    settings.SANDBOX_URL, settings.SANDBOX_ENABLED = sandbox.url, True
    settings.AI_PROVIDERS = {
        "ours": {"kind": "openai", "base_url": sandbox.url, "api_key": sandbox.key()},
        "keyless": {"kind": "openai", "base_url": sandbox.url, "api_key": ""},
    }
    return settings.AI_PROVIDERS


def test_a_companys_key_is_the_one_that_is_sent(sandbox, providers):
    own = sandbox.key()
    get_provider("ours", own).complete(make_request())
    asyncio.run(get_provider("ours", own).acomplete(make_request()))
    assert (len(sandbox.requests(own)), sandbox.requests(providers["ours"]["api_key"])) == (2, [])


def test_a_key_has_one_provider_and_shares_its_connections():
    first, second, platforms = get_provider("ours", "sk-a"), get_provider("ours", "sk-b"), get_provider("ours")
    assert get_provider("ours", "sk-a") is first is not second
    assert first.name == second.name == platforms.name == "ours"
    assert first._connections is second._connections is platforms._connections


def test_tasks_with_different_keys_do_not_mix_them_up(sandbox):
    keys = [sandbox.key() for _ in range(6)]

    async def ask_all() -> None:
        await asyncio.gather(*(get_provider("ours", key).acomplete(make_request()) for key in keys for _ in range(3)))

    asyncio.run(ask_all())
    assert [len(sandbox.requests(key)) for key in keys] == [3] * 6


def test_a_companys_key_serves_where_the_platform_has_none(sandbox):
    own = sandbox.key()
    assert get_provider("keyless", own).complete(make_request()).finish_reason == "stop"
    with pytest.raises(MisconfiguredProvider, match="has no key"):
        get_provider("keyless")


@pytest.mark.parametrize("key", ["", "  ", "sk-\x7f", "sk-ключ"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key):
    with pytest.raises(MisconfiguredProvider) as refusal:
        get_provider("ours", key)
    assert "sk-" not in str(refusal.value)


def test_keys_are_kept_within_bounds_and_not_shown():
    registry._keep.cache_clear()
    for number in range(300):
        get_provider("ours", f"sk-{number}")
    assert registry._keep.cache_info().currsize == 256
    assert "sk-1" not in repr(registry._Secret("sk-1"))


def test_only_openais_kind_and_compatible_servers_embed(providers, sandbox):
    own = sandbox.key()
    asked = EmbeddingRequest(texts=("ledger",), model="m", timeout_seconds=10, call_id="c", dimensions=4)
    answer = get_media_provider("ours", own).embed(asked)
    assert (len(answer.vectors[0]), len(sandbox.requests(own))) == (4, 1)
    providers["ours"]["kind"] = "anthropic"
    with pytest.raises(MisconfiguredProvider, match="'ours' is of a kind that has no embeddings"):
        get_media_provider("ours")


def test_openai_may_be_spoken_to_by_responses(providers):
    assert type(get_provider("ours")) is OpenAIChat
    providers["ours"]["api"] = "responses"
    assert type(get_provider("ours")) is OpenAIResponses


def test_a_format_that_the_kind_does_not_have_is_refused(providers):
    providers["ours"] |= {"kind": "compatible", "api": "responses"}
    with pytest.raises(MisconfiguredProvider, match="api of the provider 'ours' must be one of chat"):
        get_provider("ours")
