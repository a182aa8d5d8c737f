"""Whatever the provider does, it ends in an answer or in one of our errors, after one request and in time."""

import asyncio
from typing import get_args

import pytest

from ai_gateway.providers.errors import ProviderError
from ai_gateway.sandbox.fault_kinds import FaultKind
from tests.ai_gateway.providers.conftest import make_request
from tests.ai_gateway.providers.test_streaming import collect, list_tasks_left

ANSWERED = {"none", "delay", "slow_stream", "no_usage", "zero_usage", "cumulative_usage", "extra_usage"}
ANSWERED |= {"bad_json_answer", "truncated_answer", "empty_answer"}
FAULTS = [{"kind": kind, "seconds": 0.01} for kind in get_args(FaultKind)]
FAULTS += [{"kind": "hang", "after_chunks": 1}, {"kind": "status", "status": 529}]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_fault_is_an_answer_or_an_error(either_way, fault, streamed):
    either_way.sandbox.set_faults(either_way.key, fault)
    timeout = 0.5 if fault["kind"] == "hang" else 10.0

    def ask():
        if streamed:
            return collect(either_way, timeout_seconds=timeout)[-1].answer
        if either_way.way == "sync":
            return either_way.ask(timeout_seconds=timeout)
        return asyncio.run(ask_as_task())

    async def ask_as_task():
        try:
            return await either_way.provider.acomplete(make_request(timeout_seconds=timeout))
        finally:
            assert await list_tasks_left() == set()

    if fault["kind"] in ANSWERED:
        assert ask().usage.input_tokens > 0
    else:
        with pytest.raises(ProviderError):
            ask()
    (entry,) = either_way.entries()
    assert entry["fault"] == fault["kind"]
