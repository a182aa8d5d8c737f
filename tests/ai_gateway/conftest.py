"""The sandbox, running beside the tests, as the provider of the gateway."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.sandbox import RunningSandbox, start_sandbox


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[RunningSandbox]:
    """One server per test process."""
    with start_sandbox() as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Upstream:
    """The sandbox as one test sees it: with a key, and so with faults and requests, of its own."""

    sandbox: RunningSandbox
    key: str

    def misbehave(self, *kinds: str, **options: object) -> None:
        """Let the next requests go wrong, one kind each."""
        self.sandbox.set_faults(self.key, *({"kind": kind, **options} for kind in kinds))

    @property
    def requests(self) -> list[dict[str, object]]:
        """What reached the provider."""
        return self.sandbox.requests(self.key)


@pytest.fixture
def upstream(running_sandbox, settings) -> Upstream:
    """Make the sandbox the provider of all operations."""
    key = running_sandbox.key()
    settings.SANDBOX_URL = running_sandbox.url
    settings.SANDBOX_ENABLED = True
    settings.AI_PROVIDERS = {
        "sandbox": {"kind": "openai", "base_url": running_sandbox.url, "api_key": key},
        "anthropic": {"kind": "anthropic", "base_url": running_sandbox.root_url, "api_key": key},
    }
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, "sandbox/sandbox-rules-1")
    return Upstream(running_sandbox, key)
