import asyncio
from threading import Event, Thread

import pytest

from billing import remembering
from billing.remembering import Remembered


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(remembering, "monotonic", lambda: now[0])
    return now


def counting(reads):
    def read(key):
        reads.append(key)
        return len(reads)

    return read


def test_a_value_is_read_once_while_it_lasts_and_then_again(clock):
    reads = []
    values = Remembered(counting(reads), seconds=2)
    assert [values.get("a"), values.get("a"), values.get("b")] == [1, 1, 2]
    clock[0] += 2.1
    assert values.get("a") == 3


def test_forgetting_reads_again(clock):
    values = Remembered(counting([]), seconds=2)
    values.get("a")
    values.forget()
    assert values.get("a") == 2


def test_keys_that_callers_make_up_do_not_fill_the_memory(clock):
    values = Remembered(counting([]), seconds=2, max_keys=10)
    for key in range(105):
        values.get(key)
    assert len(values) <= 10


def test_threads_that_want_the_same_value_wait_for_one_reading():
    may_read, reads = Event(), []

    def read(key):
        may_read.wait(10)
        reads.append(key)
        return "value"

    values = Remembered(read, seconds=60)
    found = []
    threads = [Thread(target=lambda: found.append(values.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    may_read.set()
    for thread in threads:
        thread.join(10)
    assert (found, reads) == (["value"] * 8, ["a"])


def test_what_was_warmed_is_taken_without_reading(clock):
    reads = []
    values = Remembered(counting(reads), seconds=10)
    values.get("a")
    clock[0] += 9.5  # it would last a moment more, which could end before it is taken
    asyncio.run(values.warm("a"))
    clock[0] += 9
    assert (values.get("a"), len(reads)) == (2, 2)
    asyncio.run(values.warm("a"))
    clock[0] += 0.5
    asyncio.run(values.warm("b"))
    assert reads == ["a", "a", "b"]


def test_a_reading_that_fails_is_not_remembered():
    answers = iter([RuntimeError("away"), 7])

    def read(_key):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    values = Remembered(read, seconds=60)
    with pytest.raises(RuntimeError):
        values.get("a")
    assert values.get("a") == 7
