"""Lines of an event loop are written soon, all others at once; none is lost, and none overtakes another."""

import asyncio
import logging
import subprocess
import sys
from io import StringIO

import pytest

from config.logs import DeferredHandler, _Line


@pytest.fixture
def written():
    return StringIO()


@pytest.fixture
def handler(written):
    handler = DeferredHandler(capacity=3, target=logging.StreamHandler(written))
    yield handler
    handler.close()


def note(handler, text, level="info"):
    handler.handle(_Line("winnow", level, text))


def test_without_a_loop_lines_are_written_at_once(handler, written):
    note(handler, "one")

    assert written.getvalue() == "one\n"


def test_a_loop_goes_on_before_its_lines_are_written(handler, written):
    async def work():
        note(handler, "one")
        note(handler, "two")
        before = written.getvalue()
        await asyncio.sleep(0)
        return before, written.getvalue()

    assert asyncio.run(work()) == ("", "one\ntwo\n")


@pytest.mark.parametrize("level", ["warning", "error", "critical"])
def test_a_warning_is_written_at_once_and_overtakes_nothing(handler, written, level):
    async def work():
        note(handler, "one")
        note(handler, "two", level)
        return written.getvalue()

    assert asyncio.run(work()) == "one\ntwo\n"


def test_a_library_s_line_is_written_at_once_as_what_it_tells_of_may_change(handler, written):
    async def work():
        note(handler, "one")
        handler.handle(logging.makeLogRecord({"msg": "two", "levelno": logging.INFO}))
        return written.getvalue()

    assert asyncio.run(work()) == "one\ntwo\n"


def test_no_more_lines_wait_than_there_is_room_for(handler, written):
    async def work():
        for text in ("one", "two", "three"):
            note(handler, text)
        return written.getvalue()

    assert asyncio.run(work()) == "one\ntwo\nthree\n"


def test_the_last_line_of_a_loop_is_written_and_the_next_loop_s_as_well(handler, written):
    async def work(text):
        note(handler, text)

    asyncio.run(work("one"))
    asyncio.run(work("two"))
    handler.close()

    assert written.getvalue() == "one\ntwo\n"


def test_a_process_that_ends_in_the_midst_of_a_loop_writes_what_waits():
    program = """
import asyncio, logging, logging.config, sys
from config.logs import logging_config
import structlog

logging.config.dictConfig(logging_config(level="INFO", as_json=True))

async def end():
    structlog.get_logger("winnow").info("noted", number=7)
    sys.exit(3)

asyncio.run(end())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 3
    assert '"number":7' in ended.stderr
    assert '"event":"noted"' in ended.stderr
