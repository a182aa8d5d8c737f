"""The real SDKs against the sandbox: each test takes a key of its own."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ai_gateway.providers.anthropic_messages import AnthropicMessages
from ai_gateway.providers.compatible import CompatibleChat
from ai_gateway.providers.errors import ProviderError
from ai_gateway.providers.openai_chat import OpenAIChat
from ai_gateway.providers.openai_responses import OpenAIResponses
from ai_gateway.providers.types import JsonSchema, ProviderAnswer, ProviderRequest
from tests.ai_gateway.providers.fetching import HOST
from tests.ai_gateway.small_internet import PUBLIC, giving, picture, serve
from tests.sandbox import RunningSandbox, start_sandbox

ADAPTERS: dict[str, Callable[..., Any]] = {
    "openai": OpenAIChat,
    "compatible": CompatibleChat,
    "anthropic": AnthropicMessages,
    "responses": OpenAIResponses,
}
SCHEMA = JsonSchema(
    "verdict",
    {
        "type": "object",
        "properties": {"score": {"type": "integer"}, "why": {"type": "string"}},
        "required": ["score", "why"],
        "additionalProperties": False,
    },
)


def make_request(text: str = "Who are you?", **changes: Any) -> ProviderRequest:
    facts = {"model": "m", "user": text, "max_output_tokens": 200, "timeout_seconds": 10.0, "call_id": "call-7"}
    return ProviderRequest(**{**facts, **changes})


@dataclass
class Upstream:
    """An adapter, and the sandbox behind it under the adapter's own key."""

    sandbox: RunningSandbox
    kind: str
    key: str
    way: str = "sync"

    def __post_init__(self) -> None:
        self.provider = ADAPTERS[self.kind](name=self.kind, api_key=self.key, base_url=self.sandbox.url)

    def ask(self, text: str = "Who are you?", **changes: Any) -> ProviderAnswer:
        request = make_request(text, **changes)
        if self.way == "async":
            return asyncio.run(self.provider.acomplete(request))
        return self.provider.complete(request)

    def fail(self, kind: str, *, timeout_seconds: float = 10.0, **fault: Any) -> ProviderError:
        """Have the sandbox misbehave once, and return what the adapter raises."""
        self.sandbox.set_faults(self.key, {"kind": kind, **fault})
        with pytest.raises(ProviderError) as failure:
            self.ask(timeout_seconds=timeout_seconds)
        return failure.value

    def entries(self) -> list[dict[str, Any]]:
        return self.sandbox.requests(self.key)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    with start_sandbox() as running:
        yield running


@pytest.fixture(params=ADAPTERS)
def upstream(sandbox, request) -> Upstream:
    return Upstream(sandbox, request.param, sandbox.key())


@pytest.fixture(params=[(kind, way) for kind in ADAPTERS for way in ("sync", "async")], ids="-".join)
def either_way(sandbox, request) -> Upstream:
    """An adapter asked by a blocking call, and by a task of an event loop."""
    kind, way = request.param
    return Upstream(sandbox, kind, sandbox.key(), way)


@pytest.fixture
def make_upstream(sandbox) -> Callable[..., Upstream]:
    def make(kind: str, key: str | None = None) -> Upstream:
        return Upstream(sandbox, kind, key or sandbox.key())

    return make


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("tls"), HOST, "other.example", "xn--bcher-kva.example") as internet:
        yield internet


@pytest.fixture
def internet(running):
    running.names = {name: [PUBLIC] for name in (HOST, "other.example", "xn--bcher-kva.example")}
    running.pages = {"/cat": giving(picture())}
    for seen in (running.connections, running.requests, running.lookups):
        seen.clear()
    return running
