"""The driver that does not block: whatever is cancelled, and whenever, its hold is ended."""

import asyncio
import json
import threading
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway import life
from ai_gateway.accounting import Tariff
from ai_gateway.async_driving import adrive
from ai_gateway.effects import Candidate, Settled
from ai_gateway.errors import CallFailed
from ai_gateway.life import live
from ai_gateway.providers.errors import ProviderQuotaSpent, ProviderUnavailable
from ai_gateway.providers.types import Usage
from ai_gateway.routing import Route
from tests.ai_gateway.test_life import call, plan, reply
from tests.billing.factories import PriceVersionFactory
from tokens.services.movements import PlacedHold, Settlement


class Ledger:
    """Holds in memory; each movement takes a few turns of the event loop, as the database's do."""

    def __init__(self, turns: int = 2) -> None:
        self.turns = turns
        self.open: set[UUID] = set()
        self.closings = []
        self.attempts = []

    async def place_hold(self, request):
        await self._wait()
        hold_id = uuid4()
        self.open.add(hold_id)
        await self._wait()
        return PlacedHold(hold_id, request.needed_tokens, is_replay=False)

    async def start_attempt(self, **attempt):
        self.attempts.append(attempt)
        await self._wait()
        return 2

    async def extend_hold(self, **_wanted):
        await self._wait()
        return True

    async def close_or_spool(self, closing):
        await self._wait()
        self.open.discard(closing.hold_id)
        self.closings.append(closing)
        await self._wait()
        return Settlement(0, 0, 0)

    async def _wait(self):
        for _ in range(self.turns):
            await asyncio.sleep(0)


async def drive_cancelling_at(ledger, send, *turns: int):
    """Drive a call with two models, cancelling it after so many turns of the event loop, and then again."""
    second = Candidate(Route("second", "b"), plan(output=80))
    task = asyncio.ensure_future(adrive(live(call(Candidate(Route("first", "a"), plan()), second)), ledger, send))
    for wait in turns:
        for _ in range(wait):
            await asyncio.sleep(0)
        task.cancel()
    return (await asyncio.gather(task, return_exceptions=True))[0]


def sending(*outcomes):
    """Answer the attempts in turn; each takes a turn of the event loop."""
    left = list(outcomes)

    async def send(_wanted):
        await asyncio.sleep(0)
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return send


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(life.random, "uniform", lambda *_bounds: 0.0)


def test_a_call_is_lived_to_its_end():
    ledger = Ledger()

    ended = asyncio.run(drive_cancelling_at(ledger, sending(reply(input_uncached=90, output=10))))

    assert isinstance(ended, Settled)
    assert ended.charged_tokens == 100
    assert [closing.state for closing in ledger.closings] == ["settled"]


def test_a_failure_goes_into_the_life():
    ledger = Ledger()
    failures = [ProviderQuotaSpent("spent", delivery="refused")] * 2

    ended = asyncio.run(drive_cancelling_at(ledger, sending(*failures)))

    assert isinstance(ended, CallFailed)
    assert [closing.state for closing in ledger.closings] == ["released"]


SCRIPTS = (
    lambda: [reply(output=10)],
    lambda: [ProviderUnavailable("away", delivery="not_sent"), reply(output=10)],
    lambda: [ProviderQuotaSpent("spent", delivery="refused"), reply(output=10)],
    lambda: [ProviderUnavailable("cut", delivery="unknown", usage=Usage(output=12))],
    lambda: [ProviderQuotaSpent("spent", delivery="refused")] * 2,
)


@given(script=st.sampled_from(SCRIPTS), turns=st.lists(st.integers(0, 40), min_size=1, max_size=3))
def test_cancelled_at_any_moment_a_call_leaves_no_hold_and_one_end(script, turns):
    ledger = Ledger()

    ended = asyncio.run(drive_cancelling_at(ledger, sending(*script()), *turns))

    assert ledger.open == set()
    assert isinstance(ended, asyncio.CancelledError | Settled | CallFailed)
    assert len({closing.state for closing in ledger.closings}) <= 1


def test_each_moment_of_a_call_can_be_the_one_that_it_is_cancelled_in():
    """The property above covers all: with no turn left out, some end cancelled and some before that."""
    ends = []
    for turns in range(60):
        ledger = Ledger()
        ends.append(asyncio.run(drive_cancelling_at(ledger, sending(*SCRIPTS[1]()), turns)))
        assert ledger.open == set(), turns
    assert {type(end) for end in ends} == {asyncio.CancelledError, Settled}


def test_another_attempt_is_written_with_its_estimate_and_where_that_is_from():
    ledger = Ledger()
    candidate = Candidate(Route("first", "a"), plan()._replace(tariff=Tariff(PriceVersionFactory.build(), Decimal(25))))
    send = sending(ProviderUnavailable("away", delivery="not_sent"), reply(output=1))

    asyncio.run(adrive(live(call(candidate)), ledger, send))

    [attempt] = ledger.attempts
    estimate = candidate.plan.estimate
    assert (attempt["estimated_cost_usd"], attempt["estimated_price_kind"]) == (estimate.usd, "listed")


def test_a_hold_that_does_not_grow_has_the_next_input_counted_aside():
    class Tight(Ledger):
        async def extend_hold(self, **_wanted):
            return False

    threads = []

    def count():
        threads.append(threading.current_thread())
        return 90

    rough = plan(input_tokens=4_000, count_input=count)
    planned = call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), rough))

    asyncio.run(
        adrive(live(planned), Tight(), sending(ProviderQuotaSpent("spent", delivery="refused"), reply(output=1)))
    )

    assert len(threads) == 1
    assert threads != [threading.main_thread()]


def test_a_call_that_is_cancelled_while_its_input_is_counted_ends_its_hold():
    class Tight(Ledger):
        async def extend_hold(self, **_wanted):
            return False

    counting, go_on = threading.Event(), threading.Event()

    def count():
        counting.set()
        go_on.wait(10)
        return 90

    rough = plan(input_tokens=4_000, count_input=count)
    planned = call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), rough))
    ledger = Tight()

    async def cancel_when_counting():
        task = asyncio.ensure_future(
            adrive(live(planned), ledger, sending(ProviderQuotaSpent("spent", delivery="refused")))
        )
        await asyncio.to_thread(counting.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_when_counting())

    assert [closing.state for closing in ledger.closings] == ["released"]
    assert ledger.open == set()


def test_a_cancelled_request_is_accounted_for_as_unknown():
    ledger = Ledger(turns=0)
    sent = asyncio.Event()

    async def hang(_wanted):
        sent.set()
        await asyncio.Event().wait()

    async def cancel_when_sent():
        task = asyncio.ensure_future(adrive(live(call()), ledger, hang))
        await sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_when_sent())

    [closing] = ledger.closings
    assert closing.state == "released"
    assert [log["status"] for log in json.loads(closing.logs)] == ["unknown"]
