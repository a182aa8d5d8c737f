"""What is particular to tasks of an event loop: connections of their own, and cancellation."""

import asyncio
import gc
import socket
import time

import pytest

from ai_gateway.providers.errors import ProviderUnavailable
from ai_gateway.providers.transport import AsyncBoundedClient
from tests.ai_gateway.providers.conftest import ADAPTERS, make_request


async def settle_into(upstream, entry_count: int) -> None:
    """Wait until that many requests have reached the sandbox."""
    while len(upstream.entries()) < entry_count:
        await asyncio.sleep(0)


def wait_for_outcome(upstream, outcome: str) -> None:
    """Wait, and let nothing else of this loop run meanwhile."""
    deadline = time.monotonic() + 10
    while upstream.entries()[-1]["outcome"] == "open" and time.monotonic() < deadline:
        pass
    assert upstream.entries()[-1]["outcome"] == outcome


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "delay", "seconds": 60}])
def test_a_cancelled_task_closes_its_connection_at_once(upstream, fault):
    upstream.sandbox.set_faults(upstream.key, fault)

    async def ask_and_leave() -> set[asyncio.Task]:
        task = asyncio.create_task(upstream.provider.acomplete(make_request(timeout_seconds=60)))
        await settle_into(upstream, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wait_for_outcome(upstream, "client_left")  # while this loop and its client live
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(ask_and_leave()) == set()


def test_a_task_that_is_cancelled_leaves_the_connections_of_others_alone(upstream):
    upstream.sandbox.set_faults(upstream.key, {"kind": "hang"})

    async def ask_beside_a_cancelled_one() -> list[str]:
        task = asyncio.create_task(upstream.provider.acomplete(make_request(timeout_seconds=60)))
        await settle_into(upstream, 1)
        others = [asyncio.create_task(upstream.provider.acomplete(make_request(f"Number {n}"))) for n in range(8)]
        task.cancel()
        return [answer.finish_reason for answer in await asyncio.gather(*others)]

    assert asyncio.run(ask_beside_a_cancelled_one()) == ["stop"] * 8


def test_tasks_of_one_loop_share_connections(upstream):
    opened = []

    async def ask_twice() -> None:
        await upstream.provider.acomplete(make_request())
        assert len(opened) == 1  # so connections are really seen
        opened.clear()
        await upstream.provider.acomplete(make_request())

    genuine = socket.socket.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda self, to: opened.append(to) or genuine(self, to))
        asyncio.run(ask_twice())
    assert [address for address in opened if address[1] == upstream.sandbox.port] == []


def test_each_loop_has_connections_of_its_own_and_takes_them_along(upstream):
    async def ask() -> AsyncBoundedClient:
        await upstream.provider.acomplete(make_request())
        (kept,) = upstream.provider._connections._kept.values()
        return kept[0].http_client

    first, second = asyncio.run(ask()), asyncio.run(ask())
    assert first is not second
    assert (first.is_closed, second.is_closed) == (True, True)
    assert upstream.provider._connections._kept == {}


def test_a_loop_that_ended_untidily_is_forgotten_with_the_next(upstream):
    loop = asyncio.new_event_loop()
    loop.run_until_complete(upstream.provider._connections.of_running_loop())
    loop.close()
    assert list(upstream.provider._connections._kept) == [loop]
    upstream.way = "async"
    assert upstream.ask().finish_reason == "stop"
    assert loop not in upstream.provider._connections._kept


def test_the_connections_of_threads_close_with_the_last_adapter(upstream):
    upstream.ask()
    client = upstream.provider._connections.http_client
    del upstream.provider
    assert client.is_closed


# The collection finds a socket, too, that an earlier test left when it was cancelled while it connected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_adapter_that_nobody_holds_closes_its_connections(upstream):
    async def ask_and_drop() -> bool:
        await upstream.provider.acomplete(make_request())
        (kept,) = upstream.provider._connections._kept.values()
        client = kept[0].http_client
        del kept, upstream.provider
        gc.collect()
        for _ in range(100):
            await asyncio.sleep(0)
        return client.is_closed

    assert asyncio.run(ask_and_drop())


@pytest.mark.parametrize("kind", ADAPTERS)
def test_a_server_that_is_not_there_was_sent_nothing(kind):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        provider = ADAPTERS[kind](name="gone", api_key="k", base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/v1")
    with pytest.raises(ProviderUnavailable, match="gone cannot be reached") as failure:
        asyncio.run(provider.acomplete(make_request()))
    assert (failure.value.delivery, failure.value.retryable) == ("not_sent", True)
