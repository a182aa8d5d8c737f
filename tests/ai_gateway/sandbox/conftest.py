"""One sandbox for all its tests, and the real SDKs pointed at it."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.sandbox import RunningSandbox, start_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    with start_sandbox() as running:
        yield running


@pytest.fixture
def key(sandbox: RunningSandbox) -> str:
    return sandbox.key()


@pytest.fixture
def openai_client(sandbox: RunningSandbox, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=sandbox.url, api_key=key, max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def anthropic_client(sandbox: RunningSandbox, key: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=sandbox.root_url, api_key=key, max_retries=0, timeout=10) as client:
        yield client
