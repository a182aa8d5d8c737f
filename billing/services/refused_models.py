"""Keep in mind which models calls were refused for, so that staff see that somebody wants them."""

import asyncio

import structlog
from django.db import connection

from billing.remembering import Remembered

logger = structlog.get_logger(__name__)

# One note a minute of each model and process: a caller who tries the same model again and again costs no more.
NOTE_SECONDS = 60.0

_NOTE = """
    INSERT INTO billing_refused_model AS known (provider, model, operation)
    VALUES (%s, left(%s, 128), left(%s, 32))
    ON CONFLICT (provider, model, operation) DO UPDATE SET last_refused_at = now()
"""


def note_refused_model(provider: str, model: str, operation: str) -> None:
    """Log a refusal and write it down for staff; on an event loop that is left to a thread."""
    logger.warning("model_not_priced", provider=provider, model=model, operation=operation)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _noted.get((provider, model, operation))
    else:
        loop.run_in_executor(None, _note_in_thread, (provider, model, operation))


def _note_in_thread(refused: tuple[str, str, str]) -> None:
    try:
        _noted.get(refused)
    finally:
        connection.close()


def _note(refused: tuple[str, str, str]) -> bool:
    """Write the note. That it fails is no reason not to refuse: the log has it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, refused)
    except Exception:
        logger.exception("refused_model_not_noted")
    return True


_noted = Remembered(_note, seconds=NOTE_SECONDS, max_keys=1_000)
