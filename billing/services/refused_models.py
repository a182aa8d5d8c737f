"""Keep in mind which models calls were refused for, so that staff see that somebody wants them."""

import asyncio
from collections import Counter
from threading import Lock

import structlog
from django.db import connection

from billing.remembering import Remembered

logger = structlog.get_logger(__name__)

# One note a minute of each model and process: a caller who tries the same model again and again costs no more.
NOTE_SECONDS = 60.0

_MAX_MODELS = 1_000  # callers make some up

_NOTE = """
    INSERT INTO billing_refused_model AS known (provider, model, operation, refusals)
    VALUES (%s, left(%s, 128), left(%s, 32), %s)
    ON CONFLICT (provider, model, operation)
    DO UPDATE SET last_refused_at = now(), refusals = known.refusals + excluded.refusals
"""
_Refused = tuple[str, str, str]
_unwritten: Counter[_Refused] = Counter()
_counting = Lock()


def note_refused_model(provider: str, model: str, operation: str) -> None:
    """Log a refusal and write it down for staff; on an event loop that is left to a thread.

    Refusals between two notes are counted with the later one; what nobody asks for again by then stays out.
    """
    logger.warning("model_not_priced", provider=provider, model=model, operation=operation)
    _count((provider, model, operation))
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _noted.get((provider, model, operation))
    else:
        loop.run_in_executor(None, _note_in_thread, (provider, model, operation))


def _count(refused: _Refused) -> None:
    with _counting:
        if len(_unwritten) >= _MAX_MODELS and refused not in _unwritten:
            _unwritten.clear()
        _unwritten[refused] += 1


def _note_in_thread(refused: _Refused) -> None:
    try:
        _noted.get(refused)
    finally:
        connection.close()


def _note(refused: _Refused) -> bool:
    """Write the note. That it fails is no reason not to refuse: the log has it."""
    with _counting:
        refusals = _unwritten.pop(refused, 1)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, (*refused, refusals))
    except Exception:
        logger.exception("refused_model_not_noted")
    return True


_noted = Remembered(_note, seconds=NOTE_SECONDS, max_keys=_MAX_MODELS)
