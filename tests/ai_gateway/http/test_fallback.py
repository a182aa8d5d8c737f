"""Another model answers when the provider of the one that was asked for is down: under one hold, and said openly."""

import socket

import anthropic
import openai
import pytest
from django.utils import timezone

from ai_gateway.breakers import get_breaker
from ai_gateway.models import ModelRoute
from ai_gateway.routing import forget_routes
from billing.models import WeightVersion
from billing.prices import forget_prices
from tests.ai_gateway.http.conftest import make_key, subscribe
from tests.tokens.ledger import new_company
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger

FIRST, SECOND = "sandbox/sandbox-rules-1", "sandbox-anthropic/claude-haiku-5-5"
QUESTION = [{"role": "user", "content": "Which of the two candidates should we see first, and why?"}]


@pytest.fixture
def upstream(upstream, settings):
    """A provider of each format, each with a key, and so with faults and requests, of its own."""
    second = {**settings.AI_PROVIDERS["sandbox-anthropic"], "api_key": upstream.sandbox.key()}
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "sandbox-anthropic": second}
    return upstream


@pytest.fixture
def keys(upstream, settings) -> dict[str, str]:
    return {name: settings.AI_PROVIDERS[name]["api_key"] for name in ("sandbox", "sandbox-anthropic")}


def route(chain: str, company=None) -> None:
    ModelRoute.objects.create(company=company, operation="api", chain=chain)
    forget_routes()


@pytest.fixture
def chains(committed_db):
    route(f"{FIRST}, {SECOND}; {SECOND}, {FIRST}")


@pytest.fixture
def close(gateway, upstream, keys):
    """End the gateway and return logs in order: one for each request that reached a provider, and no hold left open."""

    def end() -> list[UsageLog]:
        gateway.stop()
        assert [result for result in audit_ledger() if not result.holds] == []
        assert not Hold.objects.filter(state="open").exists()
        assert Hold.objects.count() <= 1
        logs = list(UsageLog.objects.order_by("attempt_number"))
        for provider, key in keys.items():
            assert len(upstream.sandbox.requests(key)) == sum(log.provider == provider for log in logs)
        return logs

    return end


def ask_openai(client, stream):
    """Return the text, the model that answered by its own account, and the headers."""
    raw = client.chat.completions.with_raw_response.create(
        model="sandbox-rules-1", messages=QUESTION, max_completion_tokens=200, stream=stream
    )
    if not stream:
        answer = raw.parse()
        return answer.choices[0].message.content, answer.model, raw.headers
    parts = list(raw.parse())
    text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
    [model] = {part.model for part in parts}
    return text, model, raw.headers


def ask_anthropic(claude, stream):
    raw = claude.messages.with_raw_response.create(
        model="claude-haiku-5-5", messages=QUESTION, max_tokens=200, stream=stream
    )
    if not stream:
        answer = raw.parse()
        return answer.content[0].text, answer.model, raw.headers
    events = list(raw.parse())
    text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    return text, events[0].message.model, raw.headers


WAYS = {"openai": (ask_openai, FIRST, SECOND), "anthropic": (ask_anthropic, SECOND, FIRST)}

DOWN = {
    "overloaded": ([{"kind": "overloaded", "times": 2}], ["refused"] * 2),
    "failing": ([{"kind": "status", "status": 500, "times": 2}], ["unknown"] * 2),
    "cut off": ([{"kind": "disconnect", "times": 2}], ["unknown"] * 2),
    "silent": ([{"kind": "hang", "times": 2}], ["unknown"] * 2),
}


@pytest.fixture(autouse=True)
def patience(bounds, request, settings):
    if "silent" in request.node.name:
        settings.AI_TIMEOUT_SECONDS = {"api": 1}
        settings.API_SILENCE_SECONDS = 0.5


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", ["overloaded", "failing", "cut off", "silent"])
def test_when_the_provider_is_down_the_next_model_answers(
    chains, client, claude, upstream, keys, company, close, trouble, way, stream
):
    ask, asked, other = WAYS[way]
    faults, statuses = DOWN[trouble]
    upstream.sandbox.set_faults(keys[asked.partition("/")[0]], *faults)

    text, model, headers = ask({"openai": client, "anthropic": claude}[way], stream)

    assert "sandbox" in text
    assert f"{other.partition('/')[0]}/{model}" == other
    assert (headers["x-winnow-model"], headers["x-winnow-fallback-for"]) == (other, asked)
    *failed, last = close()
    assert [f"{log.provider}/{log.model}" for log in failed] == [asked] * 2
    assert [(log.status, log.charged_tokens) for log in failed] == [(status, 0) for status in statuses]
    [request] = upstream.sandbox.requests(keys[other.partition("/")[0]])
    assert (last.status, f"{last.provider}/{last.model}", last.usage_source) == ("succeeded", other, "provider")
    assert (last.input_tokens, last.output_tokens) == (request["reported"]["input"], request["reported"]["output"])
    assert get_balance(company.pk).available_tokens == 1_000_000 - last.input_tokens - last.output_tokens


def test_a_provider_that_cannot_be_reached_leaves_no_log(chains, company, secret, settings, close, gateway, client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    settings.AI_PROVIDERS = {
        **settings.AI_PROVIDERS,
        "sandbox": {**settings.AI_PROVIDERS["sandbox"], "base_url": closed},
    }

    _text, model, headers = ask_openai(client, stream=False)

    assert (model, headers["x-winnow-fallback-for"]) == ("claude-haiku-5-5", FIRST)
    [log] = close()
    assert (log.attempt_number, log.model) == (3, "claude-haiku-5-5")


def test_a_provider_known_to_be_down_is_not_asked(chains, client, close, settings):
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker("sandbox").fail()

    _text, _model, headers = ask_openai(client, stream=True)

    assert headers["x-winnow-fallback-for"] == FIRST
    [log] = close()
    assert (log.attempt_number, log.provider) == (1, "sandbox-anthropic")


def test_an_answer_of_the_model_that_was_asked_says_so(chains, client, close):
    _text, _model, headers = ask_openai(client, stream=False)

    assert headers["x-winnow-model"] == FIRST
    assert "x-winnow-fallback-for" not in headers
    assert len(close()) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "quota"}, 503),
        ({"kind": "status", "status": 400}, 400),
        ({"kind": "status", "status": 404}, 404),
        ({"kind": "status", "status": 401}, 502),
        ({"kind": "rate_limit", "retry_after": 0.01, "times": 2}, 429),
        ({"kind": "garbage", "times": 2}, 502),
    ],
    ids=["spent account", "bad request", "no such model", "rejected key", "rate limit", "garbage"],
)
def test_a_provider_that_is_well_and_says_no_is_believed(chains, client, upstream, keys, close, fault, status):
    upstream.sandbox.set_faults(keys["sandbox"], fault)

    with pytest.raises(openai.APIStatusError) as error:
        ask_openai(client, stream=False)

    assert error.value.status_code == status
    assert "x-winnow-model" not in error.value.response.headers
    assert {log.provider for log in close()} == {"sandbox"}


def test_nothing_follows_a_part_of_an_answer(chains, client, upstream, keys, close):
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "stream_cut", "after_chunks": 3})

    with pytest.raises(openai.APIError):
        ask_openai(client, stream=True)

    [log] = close()
    assert (log.provider, log.status, log.usage_source) == ("sandbox", "failed", "counted")
    assert log.charged_tokens > 0


def test_a_second_failure_in_the_middle_is_told_and_charged(chains, client, upstream, keys, close):
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    upstream.sandbox.set_faults(keys["sandbox-anthropic"], {"kind": "stream_cut", "after_chunks": 3})

    with pytest.raises(openai.APIError):
        ask_openai(client, stream=True)

    assert [(log.provider, log.status) for log in close()] == [
        ("sandbox", "refused"),
        ("sandbox", "refused"),
        ("sandbox-anthropic", "failed"),
    ]


def test_when_the_other_model_refuses_the_caller_is_told_of_the_first(chains, client, upstream, keys, close):
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    upstream.sandbox.set_faults(keys["sandbox-anthropic"], {"kind": "status", "status": 400})

    with pytest.raises(openai.InternalServerError) as error:
        ask_openai(client, stream=True)

    assert (error.value.status_code, error.value.code) == (503, "provider_overloaded")
    assert "x-winnow-model" not in error.value.response.headers
    assert len(close()) == 3


def refuse_fallback(client, upstream, keys, close, **asked):
    """Ask while the first provider is overloaded, and see that the second is not asked."""
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**{"model": "sandbox-rules-1", "messages": QUESTION, **asked})
    assert [log.provider for log in close()] == ["sandbox", "sandbox"]


def test_a_caller_may_do_without(chains, client, upstream, keys, close):
    refuse_fallback(client, upstream, keys, close, extra_headers={"X-Winnow-Fallback": "off"})


def test_what_cannot_be_translated_faithfully_is_not_asked_elsewhere(chains, client, upstream, keys, close):
    refuse_fallback(client, upstream, keys, close, n=2)


def test_without_a_chain_of_the_model_there_is_no_other(committed_db, client, upstream, keys, close):
    route(f"{SECOND}, {FIRST}")
    refuse_fallback(client, upstream, keys, close)


def test_another_companys_chain_is_not_ours(committed_db, client, upstream, keys, close):
    route(f"{FIRST}, {SECOND}", new_company(slug="other"))
    refuse_fallback(client, upstream, keys, close)


def test_a_companys_own_chain_goes_before_the_default(committed_db, client, company, upstream, keys, close):
    route(f"{FIRST}, {SECOND}")
    route(f"{SECOND}, {FIRST}", company)
    refuse_fallback(client, upstream, keys, close)


def test_a_model_without_a_price_does_not_step_in(committed_db, client, upstream, keys, close, settings):
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "unpriced": settings.AI_PROVIDERS["sandbox-anthropic"]}
    route(f"{FIRST}, unpriced/claude-haiku-5-5")
    refuse_fallback(client, upstream, keys, close)


def test_a_key_that_may_not_use_the_other_model_gets_no_answer_of_it(chains, gateway, company, upstream, keys, close):
    narrow = make_key(company, allowed_models=["sandbox-rules-*"])[1]
    with openai.OpenAI(api_key=narrow, base_url=f"{gateway.root_url}/v1", max_retries=0) as client:
        refuse_fallback(client, upstream, keys, close)


def test_a_header_that_says_neither_is_refused(chains, client, close):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(
            model="sandbox-rules-1", messages=QUESTION, extra_headers={"X-Winnow-Fallback": "maybe"}
        )
    assert (error.value.code, close()) == ("invalid_fallback", [])


def test_vectors_are_of_the_model_that_was_asked(committed_db, client, upstream, keys, close, settings):
    settings.AI_PROVIDERS = {**settings.AI_PROVIDERS, "sandbox-2": settings.AI_PROVIDERS["sandbox"]}
    route(f"{FIRST}, sandbox/text-embedding-other")
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})

    with pytest.raises(openai.InternalServerError):
        client.embeddings.create(model="sandbox-rules-1", input="one text")

    assert {log.model for log in close()} == {"sandbox-rules-1"}


def weigh(model: str, weight: int) -> None:
    provider, _, name = model.partition("/")
    WeightVersion.objects.create(provider=provider, model=name, weight=weight, effective_from=timezone.now())
    forget_prices()


def test_the_hold_grows_for_a_dearer_model(chains, client, upstream, keys, close):
    weigh(SECOND, 3)
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})

    ask_openai(client, stream=False)

    *_failed, log = close()
    hold = Hold.objects.get()
    assert log.charged_tokens == 3 * (log.input_tokens + log.output_tokens)
    assert hold.held_tokens >= 3 * 200 > hold.needed_tokens


def test_with_too_few_tokens_for_all_of_it_the_other_model_writes_less(chains, gateway, upstream, keys, close):
    weigh(SECOND, 3)
    poor = subscribe(new_company(tokens=400, slug="poor"))
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    with openai.OpenAI(api_key=make_key(poor)[1], base_url=f"{gateway.root_url}/v1", max_retries=0) as client:
        _text, model, headers = ask_openai(client, stream=False)

    assert model == "claude-haiku-5-5"
    assert 16 <= int(headers["x-winnow-output-limit"]) < 133
    [request] = upstream.sandbox.requests(keys["sandbox-anthropic"])
    assert request["max_tokens"] == int(headers["x-winnow-output-limit"])
    assert get_balance(poor.pk).available_tokens == 400 - close()[-1].charged_tokens


def test_with_too_few_tokens_for_any_of_it_the_first_failure_is_told(chains, gateway, upstream, keys, close):
    weigh(SECOND, 50)
    poor = subscribe(new_company(tokens=400, slug="poor"))
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    with (
        openai.OpenAI(api_key=make_key(poor)[1], base_url=f"{gateway.root_url}/v1", max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as error,
    ):
        ask_openai(client, stream=False)

    assert error.value.code == "provider_overloaded"
    assert [log.provider for log in close()] == ["sandbox", "sandbox"]
    assert get_balance(poor.pk).available_tokens == 400


def test_a_repeat_is_told_which_model_had_answered(chains, http, upstream, keys, close):
    upstream.sandbox.set_faults(keys["sandbox"], {"kind": "overloaded", "times": 2})
    asked = {"json": {"model": "sandbox-rules-1", "messages": QUESTION}, "headers": {"Idempotency-Key": "k"}}
    first = http.post("/v1/chat/completions", **asked)
    again = http.post("/v1/chat/completions", **asked)

    assert again.content == first.content
    for response in (first, again):
        assert (response.headers["x-winnow-model"], response.headers["x-winnow-fallback-for"]) == (SECOND, FIRST)
    assert len(close()) == 3


def test_the_anthropic_sdk_is_told_of_the_first_failure_too(chains, claude, upstream, keys, close):
    for key in keys.values():
        upstream.sandbox.set_faults(key, {"kind": "overloaded", "times": 2})

    with pytest.raises(anthropic.APIStatusError) as error:
        ask_anthropic(claude, stream=False)

    assert error.value.status_code == 529
    assert [log.provider for log in close()] == ["sandbox-anthropic"] * 2 + ["sandbox"] * 2
