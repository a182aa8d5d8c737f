"""Structured logs: one JSON object a line in production, readable lines in development.

Whatever is bound with ``structlog.contextvars.bind_contextvars`` (call id, company, hold) is on every line
written while it is bound, by our code and by libraries that use ``logging``.
"""

import logging
from typing import Any

import orjson
import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
_IS_OURS = "is_from_structlog"


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """Configure structlog and return the ``LOGGING`` setting that sends both kinds of logger one way."""
    _leave_out_what_no_line_shows()
    structlog.configure(
        # The first drops what is not wanted before any work is done for it.
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            _hand_over,
        ],
        logger_factory=logging.getLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=False)
    if as_json:
        renderer = structlog.processors.JSONRenderer(_write_json)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": _Formatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
    }


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Writes lines: ours, in which everything is, at half the cost of making a library's line one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line."""
        if not getattr(record, _IS_OURS, False):
            return super().format(record)
        line: Any = record.msg
        return str(self.processors[-1](None, "", dict(line)))


def _leave_out_what_no_line_shows() -> None:
    """Look for no caller, thread or process of a line: the way that ``logging`` names for it in its "Optimization"."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _hand_over(_logger: Any, _method: str, line: structlog.typing.EventDict) -> tuple[tuple[Any], dict[str, Any]]:
    return (line,), {"extra": {_IS_OURS: True}}


def _write_json(line: dict[str, Any], **options: Any) -> str:
    """Write a line several times as fast as ``json`` does: each AI call writes some."""
    return orjson.dumps(line, default=options.get("default"), option=orjson.OPT_NON_STR_KEYS).decode()
