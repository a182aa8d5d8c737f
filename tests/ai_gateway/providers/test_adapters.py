"""Every adapter through its real SDK against the sandbox: answers, and what each misbehaviour becomes."""

import json
import logging
import pickle
import socket
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from ai_gateway.estimating import count_tokens
from ai_gateway.providers.errors import (
    ProviderError,
    ProviderGarbledAnswer,
    ProviderKeyRejected,
    ProviderOverloaded,
    ProviderQuotaSpent,
    ProviderRateLimited,
    ProviderRejectedRequest,
    ProviderTimeout,
    ProviderUnavailable,
)
from ai_gateway.providers.types import ProviderRequest
from tests.ai_gateway.providers.conftest import ADAPTERS, SCHEMA

# Answers ----------------------------------------------------------------------------------------------------


def test_an_answer_carries_text_usage_model_and_id(either_way):
    answer = either_way.ask("Who are you?", system="Be brief.")
    (entry,) = either_way.entries()
    assert answer.text.startswith("This is Winnow's sandbox.")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (
        entry["counted"]["input"],
        entry["counted"]["output"],
    )
    assert (answer.model, answer.finish_reason, answer.usage.source) == ("m", "stop", "provider")
    assert entry["request_id"] in answer.provider_request_id
    assert answer.duration_ms >= 0


def test_the_raw_usage_is_kept_as_it_came(either_way):
    raw = either_way.ask().raw_usage
    shapes = [{"prompt_tokens", "total_tokens"}, {"input_tokens", "cache_read_input_tokens"}, {"input_tokens_details"}]
    assert any(shape <= set(raw) for shape in shapes)


def test_an_answer_in_a_schema_is_that_json(either_way):
    answer = either_way.ask(json_schema=SCHEMA)
    assert set(json.loads(answer.text)) == {"score", "why"}
    assert either_way.entries()[0]["schema_name"] == "verdict"


def test_the_output_limit_is_sent_and_its_end_is_told(either_way):
    answer = either_way.ask(max_output_tokens=5)
    assert either_way.entries()[0]["max_tokens"] == 5
    assert (answer.finish_reason, answer.usage.output_tokens) == ("length", 5)


def test_a_large_output_limit_is_not_refused_by_the_sdk(either_way):
    assert either_way.ask(max_output_tokens=64_000).finish_reason == "stop"


def test_the_call_id_travels_with_the_request(either_way):
    either_way.ask(call_id="0190-call")
    assert either_way.entries()[0]["client_request_id"] == "0190-call"


def test_cached_and_reasoning_tokens_are_told_apart_and_counted_once(either_way):
    fault = {"input_tokens": 1000, "cached_tokens": 800, "output_tokens": 90, "reasoning_tokens": 64}
    either_way.sandbox.set_faults(either_way.key, {"kind": "extra_usage", **fault})
    usage = either_way.ask().usage
    reported = either_way.entries()[0]["reported"]
    assert (usage.input_tokens, usage.output_tokens) == (reported["input"], reported["output"])
    assert (usage.cache_read, usage.input_uncached) == (800, reported["input"] - 800)
    assert usage.output_reasoning == 64


@pytest.mark.parametrize("fault", ["no_usage", "zero_usage"])
def test_usage_that_is_not_reported_is_counted(either_way, fault):
    either_way.sandbox.set_faults(either_way.key, {"kind": fault})
    answer = either_way.ask()
    counted = either_way.entries()[0]["counted"]
    assert answer.usage.source == "counted"
    assert answer.usage.output >= counted["output"] == count_tokens(answer.text, "m")
    assert answer.usage.input_tokens >= counted["input"] - 1


def test_an_answer_that_breaks_the_schema_is_an_answer(either_way):
    either_way.sandbox.set_faults(either_way.key, {"kind": "bad_json_answer"})
    assert either_way.ask(json_schema=SCHEMA).finish_reason == "stop"


def test_an_empty_answer_is_an_answer(either_way):
    either_way.sandbox.set_faults(either_way.key, {"kind": "empty_answer"})
    assert either_way.ask().text == ""


@pytest.mark.parametrize("text", ["lone \ud800 surrogate", "nul \x00", "<|endoftext|>", "候选人 👩‍💻", ""])
def test_any_text_can_be_sent(either_way, text):
    assert either_way.ask(text).finish_reason == "stop"


def test_one_connection_serves_many_requests(upstream):
    upstream.ask()
    opened = []
    genuine = socket.socket.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda self, address: opened.append(address) or genuine(self, address))
        upstream.ask()
    assert [address for address in opened if address[1] == upstream.sandbox.port] == []


def test_threads_share_an_adapter(either_way):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: either_way.ask(f"Number {number}"), range(8)))
    assert len({answer.provider_request_id for answer in answers}) == 8


# Failures ---------------------------------------------------------------------------------------------------

FAILURES = [
    ({"kind": "rate_limit", "retry_after": 7}, ProviderRateLimited, "refused", True, 7.0),
    ({"kind": "quota"}, ProviderQuotaSpent, "refused", False, None),
    ({"kind": "overloaded"}, ProviderOverloaded, "refused", True, None),
    ({"kind": "overloaded", "retry_after": 2}, ProviderOverloaded, "refused", True, 2.0),
    ({"kind": "status", "status": 400}, ProviderRejectedRequest, "refused", False, None),
    ({"kind": "status", "status": 401}, ProviderKeyRejected, "refused", False, None),
    ({"kind": "status", "status": 402}, ProviderQuotaSpent, "refused", False, None),
    ({"kind": "status", "status": 403}, ProviderKeyRejected, "refused", False, None),
    ({"kind": "status", "status": 404}, ProviderRejectedRequest, "refused", False, None),
    ({"kind": "status", "status": 408}, ProviderTimeout, "unknown", True, None),
    ({"kind": "status", "status": 409}, ProviderUnavailable, "refused", True, None),
    ({"kind": "status", "status": 413}, ProviderRejectedRequest, "refused", False, None),
    ({"kind": "status", "status": 500}, ProviderUnavailable, "unknown", True, None),
    ({"kind": "status", "status": 502}, ProviderUnavailable, "unknown", True, None),
    ({"kind": "status", "status": 504}, ProviderTimeout, "unknown", True, None),
    ({"kind": "disconnect"}, ProviderUnavailable, "unknown", True, None),
    ({"kind": "stream_cut"}, ProviderUnavailable, "unknown", True, None),
    ({"kind": "garbage"}, ProviderGarbledAnswer, "unknown", True, None),
    ({"kind": "garbage", "content_type": "application/json"}, ProviderGarbledAnswer, "unknown", True, None),
]


@pytest.mark.parametrize(("fault", "error_class", "delivery", "retryable", "retry_after"), FAILURES)
def test_what_a_misbehaviour_becomes(either_way, fault, error_class, delivery, retryable, retry_after):
    error = either_way.fail(**fault)
    assert (type(error), error.delivery) == (error_class, delivery)
    assert (error.retryable, error.retry_after_seconds, error.usage) == (retryable, retry_after, None)


def test_an_error_status_is_not_retried_by_the_sdk(either_way):
    either_way.fail("status", status=500)
    either_way.fail("rate_limit", retry_after=0)
    assert len(either_way.entries()) == 2


def test_the_providers_id_of_a_failed_request_is_kept(either_way):
    error = either_way.fail("status", status=500)
    assert either_way.entries()[0]["request_id"] in error.provider_request_id


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "delay", "seconds": 30}])
def test_silence_ends_at_the_timeout(either_way, fault):
    started = time.monotonic()
    error = either_way.fail(timeout_seconds=0.3, **fault)
    assert (type(error), error.delivery, error.retryable) == (ProviderTimeout, "unknown", True)
    assert 0.25 < time.monotonic() - started < 5


@pytest.mark.parametrize("kind", ADAPTERS)
def test_a_server_that_is_not_there_was_sent_nothing(kind):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        request = ProviderRequest(model="m", user="Hi", max_output_tokens=5, timeout_seconds=5.0, call_id="c")
        provider = ADAPTERS[kind](name="gone", api_key="k", base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/v1")
    with pytest.raises(ProviderUnavailable, match="gone cannot be reached") as failure:
        provider.complete(request)
    assert (failure.value.delivery, failure.value.retryable) == ("not_sent", True)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_a_wrong_key_is_told_without_showing_it(make_upstream, kind):
    upstream = make_upstream(kind, "wrong-key")
    with pytest.raises(ProviderKeyRejected) as failure:
        upstream.ask()
    error = failure.value
    assert str(error).startswith(f"{kind} rejected the key (401 ")
    assert "wrong-key" not in "".join(traceback.format_exception(error)) + repr(vars(error))


@pytest.mark.parametrize("fault", ["status", "disconnect", "garbage"])
def test_no_key_and_no_prompt_leaves_with_an_error_or_a_log(either_way, fault, caplog):
    cv, instructions = uuid4().hex, uuid4().hex  # not literals: a traceback quotes this file
    caplog.set_level(logging.DEBUG)
    either_way.sandbox.set_faults(either_way.key, {"kind": fault})
    with pytest.raises(ProviderError) as failure:
        either_way.ask(cv, system=instructions)
    shown = caplog.text + repr(pickle.dumps(failure.value)) + "".join(traceback.format_exception(failure.value))
    assert [secret for secret in (either_way.key, cv, instructions) if secret in shown] == []
    assert failure.value.__context__ is None
    assert "POST" in caplog.text  # so the log was really read


def test_a_schema_that_the_provider_refuses_is_a_rejected_request(make_upstream):
    loose = type(SCHEMA)("loose", {"type": "object", "properties": {"a": {"type": "string"}}})
    with pytest.raises(ProviderRejectedRequest) as failure:
        make_upstream("openai").ask(json_schema=loose)
    assert "additionalProperties" in failure.value.detail
