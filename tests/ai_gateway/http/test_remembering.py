"""What the gateway remembers of the database: read again in advance while it is in use, and for all at once."""

import asyncio
from threading import Event

import pytest

from ai_gateway.http.remembering import Reads, Remembered


class Book:
    """Says how often it was read; a reading waits while it is shut."""

    def __init__(self):
        self.readings = 0
        self.failure = None
        self.is_open = Event()
        self.is_open.set()

    def read(self, _key):
        assert self.is_open.wait(20)
        self.readings += 1
        if self.failure:
            raise self.failure
        return self.readings


@pytest.fixture
def book():
    return Book()


def run(work, book):
    """Run ``work(values, move)``; ``move(seconds)`` moves the clock of the event loop."""

    async def main():
        loop, moved = asyncio.get_running_loop(), [0.0]
        clock = loop.time
        loop.time = lambda: clock() + moved[0]
        reads = Reads()
        values = Remembered(reads, book.read, seconds=100)

        def move(seconds):
            moved[0] += seconds

        try:
            return await work(values, move)
        finally:
            book.is_open.set()
            reads.close()

    return asyncio.run(main())


async def _until_read(values):
    while values._reading:
        await asyncio.wait(values._reading.values())


def test_many_that_wait_for_a_value_have_it_read_once(book):
    async def work(values, _move):
        return await asyncio.gather(*(values.get("a") for _ in range(9)))

    assert run(work, book) == [1] * 9


def test_a_value_in_use_is_read_again_before_its_time_is_over_and_nobody_waits(book):
    async def work(values, move):
        first = await values.get("a")
        move(70)
        still = await values.get("a")
        assert not values._reading
        move(20)
        book.is_open.clear()
        during = [await values.get("a"), await values.get("a")]
        book.is_open.set()
        await _until_read(values)
        return first, still, during, await values.get("a")

    assert run(work, book) == (1, 1, [1, 1], 2)


def test_a_value_whose_time_is_over_is_waited_for(book):
    async def work(values, move):
        await values.get("a")
        move(101)
        return await values.get("a")

    assert run(work, book) == 2


def test_a_reading_in_advance_that_fails_is_told_when_the_time_is_over(book, caplog):
    async def work(values, move):
        await values.get("a")
        move(90)
        book.failure = ValueError("no more")
        assert await values.get("a") == 1
        await _until_read(values)
        move(20)
        with pytest.raises(ValueError, match="no more"):
            await values.get("a")

    run(work, book)
    assert caplog.records == []
