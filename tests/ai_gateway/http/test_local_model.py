"""The real SDKs in front of the gateway, and a real model, small as it is, behind it."""

from collections.abc import Iterator

import openai
import pytest

from ai_gateway.local_model import MODEL
from tests.ai_gateway.http.server import RunningGateway, serve_gateway
from tests.ai_gateway.local_model import needs_local_model, serve_local_model
from tokens.models import Hold, UsageLog
from tokens.selectors.audit import audit_ledger

pytestmark = [pytest.mark.slow, needs_local_model]
NAME = f"local/{MODEL}"


@pytest.fixture(scope="module")
def model_url(tmp_path_factory) -> Iterator[str]:
    with serve_local_model(tmp_path_factory.mktemp("model")) as url:
        yield url


@pytest.fixture
def gateway(company, model_url, settings) -> Iterator[RunningGateway]:
    settings.AI_PROVIDERS = {"local": {"kind": "compatible", "base_url": model_url, "api_key": "local"}}
    settings.AI_MODELS = dict.fromkeys(settings.AI_OPERATIONS, NAME)
    with serve_gateway() as running:
        yield running


def close(gateway: RunningGateway) -> UsageLog:
    """Stop the gateway, see that the books are in order, and return the one call's log."""
    gateway.stop()
    assert [result for result in audit_ledger() if not result.holds] == []
    assert not Hold.objects.filter(state="open").exists()
    log = UsageLog.objects.get()
    hold = Hold.objects.get()
    assert log.charged_tokens == log.input_tokens + log.output_tokens <= hold.needed_tokens
    return log


def test_an_answer(gateway, client):
    answer = client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "Name one colour."}], max_tokens=20
    )

    log = close(gateway)
    assert (log.usage_source, log.response_model) == ("provider", MODEL)
    assert (log.input_tokens, log.output_tokens) == (answer.usage.prompt_tokens, answer.usage.completion_tokens)


def test_a_stream(gateway, client):
    text = ""
    for chunk in client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "Count to ten."}], max_tokens=40, stream=True
    ):
        text += chunk.choices[0].delta.content or ""

    log = close(gateway)
    assert text
    assert (log.usage_source, log.streamed, log.status) == ("provider", True, "succeeded")


def test_a_stream_that_the_caller_leaves(gateway, client):
    stream = client.chat.completions.create(
        model=NAME, messages=[{"role": "user", "content": "Count to ninety."}], max_tokens=400, stream=True
    )
    next(iter(stream))
    stream.close()

    log = close(gateway)
    assert log.output_tokens > 0
    assert log.status in {"succeeded", "failed"}  # read to its end, or stopped and counted


def test_the_anthropic_sdk_is_answered_by_it_too(gateway, claude):
    message = claude.messages.create(model=NAME, max_tokens=20, messages=[{"role": "user", "content": "Hello"}])

    log = close(gateway)
    cached = message.usage.cache_read_input_tokens or 0
    assert message.usage.input_tokens + cached == log.input_tokens
    assert (cached, message.usage.output_tokens) == (log.cache_read_tokens, log.output_tokens)


def test_a_prompt_beyond_its_context_is_the_caller_s_error(gateway, client):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": "word " * 12_000}])

    assert close(gateway).charged_tokens == 0
