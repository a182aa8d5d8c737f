"""Callers who leave before the end, and a server that stops: what was used is paid for."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.ai_gateway.http.conftest import HELLO
from tests.ai_gateway.http.server import serve_gateway
from tokens.models import Hold, UsageLog


def test_who_leaves_in_the_middle_pays_what_the_provider_reports(http, upstream, books):
    upstream.misbehave("slow_stream", seconds=0.05)
    with http.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response:
        next(response.iter_raw())

    closed = books.close()
    [log], [request] = closed.logs, closed.requests
    assert request["outcome"] == "answered"
    assert (log.status, log.usage_source) == ("succeeded", "provider")
    assert log.charged_tokens == request["reported"]["input"] + request["reported"]["output"]


def test_who_leaves_a_provider_that_does_not_finish_pays_what_was_received(http, upstream, books, settings):
    settings.API_DRAIN_SECONDS = 0.1
    upstream.misbehave("hang", after_chunks=2)
    with http.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response:
        next(response.iter_raw())

    closed = books.close()
    [log], [request] = closed.logs, closed.requests
    assert (log.status, log.usage_source, log.finish_reason) == ("succeeded", "counted", "client_left")
    assert 0 < log.charged_tokens < request["counted"]["input"] + request["counted"]["output"] + 5


def test_who_leaves_before_a_whole_answer_pays_for_it(gateway, secret, upstream, books):
    upstream.misbehave("delay", seconds=0.3)
    with (
        httpx2.Client(base_url=gateway.root_url, trust_env=False, timeout=0.1) as http,
        pytest.raises(httpx2.ReadTimeout),
    ):
        http.post("/v1/chat/completions", json=HELLO, headers={"x-api-key": secret})

    [log] = books.close().logs
    assert (log.status, log.usage_source) == ("succeeded", "provider")


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_stops_settles_what_is_open(upstream, settings, secret, stream):
    settings.API_SHUTDOWN_SECONDS = 0
    settings.API_SILENCE_SECONDS = settings.AI_CALL_TIMEOUT_SECONDS = 30
    settings.AI_TIMEOUT_SECONDS = {"api": 30}
    upstream.misbehave("hang", **({"after_chunks": 2} if stream else {}))
    asked = threading.Event()

    with serve_gateway(graceful_seconds=0) as gateway, ThreadPoolExecutor(1) as threads:

        def ask():
            with httpx2.Client(base_url=gateway.root_url, trust_env=False, timeout=20) as http:
                body = {**HELLO, "stream": stream}
                with http.stream("POST", "/v1/chat/completions", json=body, headers={"x-api-key": secret}) as response:
                    asked.set()
                    return response.read()

        waiting = threads.submit(ask)
        if stream:
            asked.wait(10)
        else:
            while not upstream.requests:
                pass
        gateway.stop()
        waiting.exception(10)

    assert not Hold.objects.filter(state="open").exists()
    [log] = UsageLog.objects.all()
    assert (log.status, log.usage_source) == (("failed", "counted") if stream else ("unknown", "none"))
    assert (log.charged_tokens > 0) == stream
