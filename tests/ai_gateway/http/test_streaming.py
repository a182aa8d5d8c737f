"""Streams on their way, event by event: what is passed on, and what is paid when they do not end as they should."""

import asyncio

import orjson
import pytest

from ai_gateway.http.outlets import Outlet
from ai_gateway.http.streaming import pass_on
from ai_gateway.providers.errors import ProviderError, ProviderInterrupted, ProviderTimeout, ProviderUnavailable
from ai_gateway.wire.asked import read_asked
from ai_gateway.wire.exchanges import open_exchange

PIECE = {"model": "m", "choices": [{"index": 0, "delta": {"content": "hello there "}, "finish_reason": None}]}
LAST = {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}}
DONE = b"data: [DONE]\n\n"


def event(content):
    return b"data: " + orjson.dumps(content) + b"\n\n"


class Answer:
    """A provider's answer whose parts come one by one; an exception among them breaks it, a number waits."""

    def __init__(self, *parts):
        self.parts = parts

    async def iter_parts(self):
        for part in self.parts:
            await asyncio.sleep(0)
            if isinstance(part, Exception):
                raise part
            if isinstance(part, float):
                await asyncio.sleep(part)
                continue
            yield part

    def explain_error(self, body):
        return ProviderUnavailable(str(body), delivery="unknown")


class Caller:
    """The ASGI server's end. Leaves once it has ``parts`` parts, if that is given."""

    def __init__(self, leaves_after: int | None = None):
        self.messages = []
        self.leaves_after = leaves_after
        self.left = asyncio.Event()

    async def send(self, message):
        self.messages.append(message)
        if self.leaves_after is not None and len(self.messages) > self.leaves_after:
            self.left.set()
            await asyncio.sleep(0.01)

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages)


def stream(*parts, caller_leaves_after=None, seconds=5.0, drain_seconds=5.0):
    """Pass a stream on; returns the usage or the error, the caller, and the outlet."""

    async def main():
        caller = Caller(caller_leaves_after)
        outlet = Outlet(caller.send, caller.receive, {}, keeps=True)
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
        reader = open_exchange(read_asked("chat", body), "openai", "m").open_stream()
        try:
            outcome = await pass_on(Answer(*parts), reader, outlet, seconds=seconds, drain_seconds=drain_seconds)
        except ProviderError as error:
            outcome = error
        outlet.close()
        return outcome, caller, outlet

    return asyncio.run(main())


def test_a_stream_is_passed_on_as_it_is_but_for_the_usage_nobody_asked_for():
    usage, caller, outlet = stream(event(PIECE), event(PIECE), event(LAST), event(USAGE), DONE)

    assert (usage.input_tokens, usage.output_tokens, usage.source) == (7, 5, "provider")
    assert caller.body == event(PIECE) * 2 + event(LAST) + DONE == b"".join(outlet.kept)
    assert [message["type"] for message in caller.messages][0] == "http.response.start"


def test_nothing_is_begun_before_the_first_event_is_whole():
    failure, caller, _outlet = stream(event(PIECE)[:10], ProviderUnavailable("cut", delivery="unknown"))

    assert (failure.has_begun, failure.usage) == (False, None)
    assert caller.messages == []


def test_an_error_first_is_no_part_of_an_answer():
    failure, caller, outlet = stream(event({"error": {"message": "no", "type": "overloaded"}}))

    assert (failure.has_begun, outlet.has_told_error) == (False, False)
    assert caller.messages == []


def test_an_error_in_the_middle_is_passed_on_and_what_came_before_it_is_counted():
    error = event({"error": {"message": "no", "type": "overloaded"}})
    failure, caller, outlet = stream(event(PIECE), error)

    assert (failure.has_begun, outlet.has_told_error) == (True, True)
    assert (failure.usage.source, failure.delivery) == ("counted", "unknown")
    assert failure.usage.output_tokens > 0
    assert caller.body == event(PIECE) + error


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ([ProviderUnavailable("cut", delivery="unknown")], ProviderUnavailable),
        ([], ProviderUnavailable),
        ([9.0], ProviderTimeout),
    ],
)
def test_a_stream_that_breaks_is_counted_and_no_other_attempt_follows(ending, kind):
    failure, _caller, outlet = stream(event(PIECE), *ending, seconds=0.05)

    assert type(failure) is kind
    assert (failure.has_begun, failure.usage.source) == (True, "counted")
    assert not outlet.has_told_error


def test_who_left_is_sent_nothing_more_and_the_provider_is_read_to_its_end():
    usage, caller, outlet = stream(
        event(PIECE), *[event(PIECE)] * 5, event(LAST), event(USAGE), DONE, caller_leaves_after=1
    )

    assert (usage.output_tokens, usage.source) == (5, "provider")
    assert len(caller.messages) < 7
    assert b"".join(outlet.kept).endswith(DONE)


def test_who_left_waits_no_longer_than_the_drain():
    usage, _caller, _outlet = stream(event(PIECE), 9.0, caller_leaves_after=1, drain_seconds=0.05)

    assert usage.source == "counted"


def test_a_server_that_stops_counts_what_was_passed_on():
    async def main():
        caller = Caller()
        outlet = Outlet(caller.send, caller.receive, {}, keeps=False)
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
        reader = open_exchange(read_asked("chat", body), "openai", "m").open_stream()
        answer = Answer(event(PIECE), 9.0)
        task = asyncio.ensure_future(pass_on(answer, reader, outlet, seconds=9, drain_seconds=9))
        while not outlet.has_begun:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(ProviderInterrupted) as interrupted:
            await task
        outlet.close()
        return interrupted.value

    failure = asyncio.run(main())

    assert (failure.has_begun, failure.usage.source) == (True, "counted")
