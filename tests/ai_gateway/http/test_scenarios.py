"""Whatever the provider does, each SDK gets what it can handle and the books are exact: the real SDKs, all ways."""

import asyncio
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
import pytest

QUESTION = [{"role": "user", "content": "Which of the two candidates should we see first, and why?"}]


def ask_openai(url: str, secret: str, stream: bool) -> str:
    with openai.OpenAI(api_key=secret, base_url=f"{url}/v1", max_retries=0) as client:
        asked = {"model": "sandbox-rules-1", "messages": QUESTION, "max_completion_tokens": 200}
        if not stream:
            return client.chat.completions.create(**asked).choices[0].message.content
        with client.chat.completions.create(**asked, stream=True) as parts:
            return "".join(part.choices[0].delta.content or "" for part in parts if part.choices)


def ask_openai_async(url: str, secret: str, stream: bool) -> str:
    async def ask() -> str:
        async with openai.AsyncOpenAI(api_key=secret, base_url=f"{url}/v1", max_retries=0) as client:
            asked = {"model": "sandbox-rules-1", "messages": QUESTION, "max_completion_tokens": 200}
            if not stream:
                return (await client.chat.completions.create(**asked)).choices[0].message.content
            async with await client.chat.completions.create(**asked, stream=True) as parts:
                return "".join([part.choices[0].delta.content or "" async for part in parts if part.choices])

    return asyncio.run(ask())


def ask_responses(url: str, secret: str, stream: bool) -> str:
    with openai.OpenAI(api_key=secret, base_url=f"{url}/v1", max_retries=0) as client:
        asked = {"model": "sandbox-rules-1", "input": QUESTION[0]["content"], "max_output_tokens": 200}
        if not stream:
            return client.responses.create(**asked).output_text
        with client.responses.create(**asked, stream=True) as events:
            pieces = []
            for event in events:
                if event.type == "error":  # this SDK hands the provider's own error event on
                    raise openai.APIError(event.message, httpx2.Request("POST", url), body=None)
                pieces.append(event.delta if event.type == "response.output_text.delta" else "")
            return "".join(pieces)


def ask_anthropic(url: str, secret: str, stream: bool) -> str:
    with anthropic.Anthropic(api_key=secret, base_url=url, max_retries=0) as client:
        asked = {"model": "claude-haiku-5-5", "messages": QUESTION, "max_tokens": 200}
        if not stream:
            return client.messages.create(**asked).content[0].text
        with client.messages.create(**asked, stream=True) as events:
            return "".join(event.delta.text for event in events if event.type == "content_block_delta")


def ask_anthropic_async(url: str, secret: str, stream: bool) -> str:
    async def ask() -> str:
        async with anthropic.AsyncAnthropic(api_key=secret, base_url=url, max_retries=0) as client:
            asked = {"model": "claude-haiku-5-5", "messages": QUESTION, "max_tokens": 200}
            if not stream:
                return (await client.messages.create(**asked)).content[0].text
            async with client.messages.stream(**asked) as parts:
                return "".join([text async for text in parts.text_stream])

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def patience(bounds, request, settings):
    """Do not wait long for a provider that hangs."""
    if "hangs" in request.node.name:
        settings.AI_TIMEOUT_SECONDS = {"api": 1}
        settings.API_SILENCE_SECONDS = 0.5


ALL = {
    "openai": ask_openai,
    "openai-async": ask_openai_async,
    "responses": ask_responses,
    "anthropic": ask_anthropic,
    "anthropic-async": ask_anthropic_async,
}


def attempt(way: str, url: str, secret: str, stream: bool) -> tuple[str, str | None]:
    """Ask, and return the text and the error's kind: status and code, where the SDK was told them."""
    try:
        return ALL[way](url, secret, stream), None
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return "", str(error.status_code)
    except (openai.APIError, anthropic.APIError) as error:
        return "", type(error).__name__


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("way", ALL)
def test_an_answer_arrives_and_is_charged_as_the_provider_reports(gateway, secret, books, way, stream):
    text, error = attempt(way, gateway.root_url, secret, stream)

    assert error is None
    assert "sandbox" in text
    closed = books.close()
    [log], [request] = closed.logs, closed.requests
    assert (log.status, log.usage_source, log.streamed) == ("succeeded", "provider", stream)
    assert (log.input_tokens, log.output_tokens) == (request["reported"]["input"], request["reported"]["output"])
    assert log.charged_tokens == log.input_tokens + log.output_tokens


@dataclass(frozen=True)
class Scenario:
    """What the provider does with each request, and what is to come of it: the caller's error, and the logs."""

    faults: list[dict[str, Any]]
    whole: tuple[str | None, list[str]]
    stream: tuple[str | None, list[str]]


SCENARIOS = {
    "slow": Scenario(
        [{"kind": "slow_stream", "seconds": 0.02}],
        (None, ["succeeded provider"]),
        (None, ["succeeded provider"]),
    ),
    "no usage": Scenario([{"kind": "no_usage"}], (None, ["succeeded counted"]), (None, ["succeeded counted"])),
    "zero usage": Scenario([{"kind": "zero_usage"}], (None, ["succeeded counted"]), (None, ["succeeded counted"])),
    "cumulative usage": Scenario(
        [{"kind": "cumulative_usage"}], (None, ["succeeded provider"]), (None, ["succeeded provider"])
    ),
    "a rate limit that passes": Scenario(
        [{"kind": "rate_limit", "retry_after": 0.01}],
        (None, ["refused none", "succeeded provider"]),
        (None, ["refused none", "succeeded provider"]),
    ),
    "a rate limit that stays": Scenario(
        [{"kind": "rate_limit", "retry_after": 0.01, "times": 2}],
        ("429", ["refused none"] * 2),
        ("429", ["refused none"] * 2),
    ),
    "a spent account": Scenario([{"kind": "quota"}], ("503", ["refused none"]), ("503", ["refused none"])),
    "overloaded": Scenario(
        [{"kind": "overloaded", "times": 2}], ("overloaded", ["refused none"] * 2), ("overloaded", ["refused none"] * 2)
    ),
    "a request that is refused": Scenario(
        [{"kind": "status", "status": 400}], ("400", ["refused none"]), ("400", ["refused none"])
    ),
    "garbage": Scenario(
        [{"kind": "garbage", "times": 2}], ("502", ["unknown none"] * 2), ("502", ["unknown none"] * 2)
    ),
    "hangs": Scenario([{"kind": "hang", "times": 2}], ("504", ["unknown none"] * 2), ("504", ["unknown none"] * 2)),
    "cut before an answer": Scenario(
        [{"kind": "disconnect", "times": 2}], ("502", ["unknown none"] * 2), ("502", ["unknown none"] * 2)
    ),
    "cut in the middle": Scenario(
        [{"kind": "stream_cut", "after_chunks": 2}],
        (None, ["unknown none", "succeeded provider"]),
        ("in the stream", ["failed counted"]),
    ),
    "an error in the middle": Scenario(
        [{"kind": "error_event", "after_chunks": 2}],
        (None, ["refused none", "succeeded provider"]),
        ("in the stream", ["failed counted"]),
    ),
    "hangs in the middle": Scenario(
        [{"kind": "hang", "after_chunks": 2}],
        (None, ["unknown none", "succeeded provider"]),
        ("in the stream", ["failed counted"]),
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("way", ["openai", "responses", "anthropic"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_books_are_exact_whatever_the_provider_does(gateway, secret, upstream, books, name, way, stream):
    scenario = SCENARIOS[name]
    upstream.sandbox.set_faults(upstream.key, *scenario.faults)

    text, error = attempt(way, gateway.root_url, secret, stream)

    wanted, statuses = scenario.stream if stream else scenario.whole
    if wanted == "overloaded":
        wanted = "529" if way == "anthropic" else "503"
    if name == "an error in the middle" and error is None and stream:
        # It came together with what stood before it, so nothing had been passed on, and the call was made again.
        statuses = ["unknown none", "succeeded provider"]
    elif wanted == "in the stream":  # no status can be told any more: each SDK raises what it has for that
        assert error in ("200", "APIError"), error
    else:
        assert error == wanted
    assert bool(text) == (error is None)
    closed = books.close()
    assert [f"{log.status} {log.usage_source}" for log in closed.logs] == statuses
    for log, request in zip(closed.logs, closed.requests, strict=True):
        if log.usage_source == "provider":
            reported = request["reported"]
            assert (log.input_tokens, log.output_tokens) == (reported["input"], reported["output"])
        elif log.usage_source == "counted":
            assert 0 < log.charged_tokens <= 2 * sum(request["counted"][side] for side in ("input", "output"))
        else:
            assert log.charged_tokens == 0
