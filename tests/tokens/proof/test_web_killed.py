"""A web process that is killed in the middle of a call over HTTP: afterwards the call is made again, and charged once."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx2
import pytest

from tests.ai_gateway.http.conftest import make_key, subscribe
from tests.ai_gateway.http.server import serve_gateway
from tests.tokens.ledger import new_company
from tests.tokens.proof.aftermath import (
    assert_charged_once,
    give_up_attempts,
    kill,
    let_leases_run_out,
    list_charges,
    see_dead,
)
from tests.tokens.proof.mutations import CHARGED_AGAIN, put_in, restored
from tests.tokens.proof.processes import Settings, settings_for_child, start
from tests.tokens.proof.waiting import wait_until
from tests.tokens.proof.web_victims import serve
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance
from tokens.selectors.audit import audit_ledger
from tokens.services import spool, upkeep

TOKENS = 100_000
KEY = "http:chat:k"


@dataclass(frozen=True)
class Caller:
    """A company's program."""

    company_id: int
    secret: str
    given: Settings

    @contextmanager
    def asking(self, port: int, *, stream: bool = False, key: str | None = "k") -> Iterator[httpx2.Response]:
        """Ask a gateway, and have the answer's head."""
        body = {"model": "sandbox-rules-1", "messages": [{"role": "user", "content": "Hello?"}], "stream": stream}
        headers = {"Authorization": f"Bearer {self.secret}", **({"Idempotency-Key": key} if key else {})}
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        with (
            httpx2.Client(trust_env=False, timeout=60) as http,
            http.stream("POST", url, json=body, headers=headers) as response,
        ):
            yield response

    def ask(self, port: int, **options: object) -> httpx2.Response | None:
        """Ask a gateway for a whole answer; None if it does not live to give one."""
        with suppress(httpx2.TransportError), self.asking(port, **options) as response:
            response.read()
            return response
        return None


@dataclass(frozen=True)
class Paid:
    charged_tokens: int


@pytest.fixture
def caller(committed_db, upstream, settings, tmp_path) -> Caller:
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.AI_PROVIDERS = {"sandbox": settings.AI_PROVIDERS["sandbox"]}
    settings.API_REPEAT_WAIT_SECONDS = 0.0
    company = subscribe(new_company(tokens=TOKENS))
    names = ("AI_PROVIDERS", "AI_MODELS", "SANDBOX_URL", "SANDBOX_ENABLED", "SPOOL_DIR", "API_REPEAT_WAIT_SECONDS")
    given = settings_for_child(**{name: getattr(settings, name) for name in names})
    return Caller(company.pk, make_key(company)[1], given)


@contextmanager
def web_process(given: Settings, point: str = "none"):
    """Run a web process; yields it and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process, port = start(serve, given, listener, point), listener.getsockname()[1]
    try:
        yield process, port
    finally:
        process.kill()
        process.join(60)


def ask_again(caller: Caller, **options: object) -> httpx2.Response:
    """Ask a gateway that lives."""
    with serve_gateway() as gateway:
        answer = caller.ask(gateway.port, **options)
    assert answer is not None
    return answer


def sweep() -> None:
    """Do what comes after a crash: drain the spool, let leases run out, sweep, and give up what nobody settles."""
    spool.drain()
    let_leases_run_out()
    upkeep.expire_holds()
    give_up_attempts()


def assert_nothing_was_charged(caller: Caller, statuses: list[str]) -> None:
    """The attempts are in the books as far as those can know them, and cost the company nothing."""
    logs = UsageLog.objects.order_by("attempt_number")
    assert [(log.status, log.charged_tokens) for log in logs] == [(status, 0) for status in statuses]
    balance = get_balance(caller.company_id)
    assert (balance.held_tokens, balance.available_tokens) == (0, TOKENS)
    assert not Hold.objects.filter(state="open").exists()
    assert [result for result in audit_ledger() if not result.holds] == []


def assert_answered_and_charged_once(caller: Caller, upstream, answer: httpx2.Response) -> None:
    """The key's one charge is what the provider reported for the request that was answered last."""
    assert (answer.status_code, "x-winnow-replayed" in answer.headers) == (200, False)
    reported = upstream.requests[-1]["reported"]
    assert_charged_once(caller.company_id, TOKENS, {KEY: Paid(reported["input"] + reported["output"])})


WHOLE, STREAM = False, True


@pytest.mark.parametrize(
    ("point", "stream", "requests", "statuses"),
    [
        ("before the hold", WHOLE, 0, []),
        ("after the hold", WHOLE, 0, ["unknown"]),
        ("after the hold", STREAM, 0, ["unknown"]),
        ("before sending", WHOLE, 0, ["unknown"]),
        ("before sending", STREAM, 0, ["unknown"]),
        ("after a second attempt began", WHOLE, 1, ["unknown", "unknown"]),
        ("once the provider answers", WHOLE, 1, ["unknown"]),
        ("once the provider answers", STREAM, 1, ["unknown"]),
        ("in mid-stream", STREAM, 1, ["unknown"]),
        ("after the answer", WHOLE, 1, ["unknown"]),
        ("before the settlement", WHOLE, 1, ["unknown"]),
        ("before the settlement", STREAM, 1, ["unknown"]),
    ],
)
def test_a_web_process_killed_at_a_point_of_a_call(caller, upstream, point, stream, requests, statuses):
    if point == "after a second attempt began":
        upstream.misbehave("overloaded")
    with web_process(caller.given, point) as (process, port):
        assert caller.ask(port, stream=stream) is None
        see_dead(process)

    sweep()

    assert len(upstream.requests) == requests
    assert_nothing_was_charged(caller, statuses)
    answer = ask_again(caller, stream=stream)
    assert_answered_and_charged_once(caller, upstream, answer)
    repeated = ask_again(caller, stream=stream)
    assert (repeated.content, repeated.headers["x-winnow-replayed"]) == (answer.content, "true")
    assert_charged_once(caller.company_id, TOKENS, {KEY: Paid(sum(list_charges()[KEY]))})
    assert len(upstream.requests) == requests + 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_web_process_killed_while_the_provider_works(caller, upstream, stream):
    """In a stream, once the caller has its first part."""
    upstream.misbehave("hang", **({"after_chunks": 2} if stream else {}))
    with web_process(caller.given) as (process, port):
        if stream:
            with caller.asking(port, stream=True) as response:
                parts = response.iter_raw()
                assert b"data: " in next(parts)
                kill(process)
                with pytest.raises(httpx2.TransportError):
                    list(parts)
        else:
            with ThreadPoolExecutor(1) as threads:
                asking = threads.submit(caller.ask, port)
                wait_until(lambda: upstream.requests, what="a request at the provider")
                kill(process)
                assert asking.result(60) is None

    sweep()

    assert_nothing_was_charged(caller, ["unknown"])
    assert_answered_and_charged_once(caller, upstream, ask_again(caller, stream=stream))
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_web_process_killed_after_the_settlement_leaves_the_answer(caller, upstream, stream):
    with web_process(caller.given, "after the settlement") as (process, port):
        caller.ask(port, stream=stream)
        see_dead(process)

    sweep()

    [request] = upstream.requests
    charged = Paid(request["reported"]["input"] + request["reported"]["output"])
    assert_charged_once(caller.company_id, TOKENS, {KEY: charged})
    answer = ask_again(caller, stream=stream)
    assert (answer.status_code, answer.headers.get("x-winnow-replayed")) == (200, "true")
    assert_charged_once(caller.company_id, TOKENS, {KEY: charged})
    assert len(upstream.requests) == 1


def test_before_the_sweep_a_repeat_is_told_to_wait_and_once_the_lease_is_over_it_is_made(caller, upstream):
    """The sweeper may be late: the repeat itself ends a hold whose lease ran out."""
    with web_process(caller.given, "before sending") as (process, port):
        caller.ask(port)
        see_dead(process)

    early = ask_again(caller)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "call_under_way")
    let_leases_run_out()

    assert_answered_and_charged_once(caller, upstream, ask_again(caller))


def test_a_web_process_that_is_told_to_stop_finishes_its_streams(caller, upstream):
    upstream.misbehave("slow_stream", seconds=0.02)
    with web_process(caller.given) as (process, port):
        with caller.asking(port, stream=True) as response:
            parts = response.iter_raw()
            received = next(parts)
            os.kill(process.pid, signal.SIGTERM)
            received += b"".join(parts)
        process.join(60)

    assert process.exitcode in (0, -signal.SIGTERM)  # uvicorn ends by the signal once it has tidied up
    assert received.endswith(b"data: [DONE]\n\n")
    [request] = upstream.requests
    assert request["outcome"] == "answered"
    assert_charged_once(
        caller.company_id, TOKENS, {KEY: Paid(request["reported"]["input"] + request["reported"]["output"])}
    )


# Controls: the same tests find what is amiss.


def test_without_its_key_the_same_crash_is_charged_twice(caller, upstream):
    with web_process(caller.given, "after the settlement") as (process, port):
        caller.ask(port, key=None)
        see_dead(process)

    answer = ask_again(caller, key=None)

    charged = int(answer.headers["x-winnow-tokens-charged"])
    assert list_charges() == {None: [charged] * 2}
    with pytest.raises(AssertionError):
        assert_charged_once(caller.company_id, TOKENS, {None: Paid(charged)})


def test_without_a_sweep_the_hold_is_found_open(caller, upstream):
    with web_process(caller.given, "before the settlement") as (process, port):
        caller.ask(port)
        see_dead(process)

    with pytest.raises(AssertionError):
        assert_nothing_was_charged(caller, ["unknown"])


def test_a_ledger_that_charges_a_key_again_is_found_out(caller, upstream):
    with restored("tokens_place_hold"):
        put_in(CHARGED_AGAIN)
        with pytest.raises(AssertionError):
            test_a_web_process_killed_after_the_settlement_leaves_the_answer(caller, upstream, False)
