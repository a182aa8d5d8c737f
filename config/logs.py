"""Structured logs: one JSON object a line in production, readable lines in development.

Whatever is bound with ``structlog.contextvars.bind_contextvars`` (call id, company, hold) is on every line
written while it is bound, by our code and by libraries that use ``logging``.
"""

import asyncio
import logging
from datetime import UTC, datetime
from logging.handlers import MemoryHandler
from time import time
from typing import Any

import orjson
import structlog


def _stamp(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Say when: as a moment, which the renderers write down more quickly than it is turned into a text here."""
    line["timestamp"] = datetime.now(UTC)
    return line


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _stamp,
    structlog.processors.format_exc_info,
]
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()}
_NOTHING_ELSE = vars(logging.makeLogRecord({}))


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """Configure structlog and return the ``LOGGING`` setting that sends both kinds of logger one way."""
    _leave_out_what_no_line_shows()
    structlog.configure(
        # The first drops what is not wanted before any work is done for it.
        processors=[
            _drop_unwanted,
            *_SHARED,
            _make_record,
        ],
        logger_factory=_Logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = _write_json if as_json else structlog.dev.ConsoleRenderer(colors=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": _Formatter,
                "renderer": renderer,
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
            "deferred": {"class": "config.logs.DeferredHandler", "capacity": 1000, "target": "stderr"},
        },
        "root": {"handlers": ["deferred"], "level": level},
    }


class DeferredHandler(MemoryHandler):
    """Hands lines on at once, but those of an event loop when it has done what it is about to do.

    So a call is neither sent nor answered later for its lines. They keep their order and say when they were noted.
    A warning, and what is above, goes at once, after what waits; at its end the process hands on the rest.
    """

    def __init__(self, capacity: int, target: logging.Handler) -> None:
        super().__init__(capacity, flushLevel=logging.WARNING, target=target)

    def shouldFlush(self, record: logging.LogRecord) -> bool:
        """Tell whether to hand on now what waits, of which the last is ``record``."""
        if super().shouldFlush(record) or not isinstance(record, _Line):  # a library's line is not made up yet
            return True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return True
        if len(self.buffer) == 1:
            loop.call_soon(self.flush)
        return False


class _Logger:
    """Gives our lines to the handlers of ``logging``, which has a longer way to make a record of them."""

    def __init__(self, name: str) -> None:
        logger = logging.getLogger(name)
        self.name, self.isEnabledFor = logger.name, logger.isEnabledFor
        self.debug = self.info = self.warning = self.error = self.critical = logger.handle


class _Line(logging.LogRecord):
    """One of our lines as handlers take it. Everything that is to be told is in ``msg`` already."""

    def __init__(self, name: str, level: str, line: structlog.typing.EventDict) -> None:
        now = time()
        told = {"name": name, "msg": line, "levelno": _LEVELS[level], "levelname": level.upper()}
        self.__dict__ = _NOTHING_ELSE | told | {"created": now, "msecs": now % 1 * 1000}


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Writes lines: ours, in which everything is, at half the cost of making a library's line one."""

    def __init__(self, renderer: structlog.typing.Processor) -> None:
        super().__init__(processors=[self.remove_processors_meta, renderer], foreign_pre_chain=_SHARED)
        self._renderer = renderer

    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        if not isinstance(record, _Line):
            return super().format(record)
        line: Any = record.msg
        return str(self._renderer(None, "", dict(line)))


def _leave_out_what_no_line_shows() -> None:
    """Look for no caller, thread or process of a line: the way that ``logging`` names for it in its "Optimization"."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _drop_unwanted(logger: Any, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if not logger.isEnabledFor(_LEVELS[method]):
        raise structlog.DropEvent
    return line


def _make_record(logger: Any, _method: str, line: structlog.typing.EventDict) -> tuple[tuple[_Line], dict[str, Any]]:
    return (_Line(logger.name, line["level"], line),), {}


def _write_json(_logger: Any, _method: str, line: structlog.typing.EventDict) -> str:
    """Write a line several times as fast as ``json`` does: each AI call writes some."""
    return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()
