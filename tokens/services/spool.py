"""Settlements that wait on disk while the database is away.

Once a provider has answered, the answer reaches the caller and its usage the ledger, whatever the database does. Each
waiting settlement is one file of ``SPOOL_DIR``, complete or absent: it is written beside, synced, then renamed. Any
process that sees the folder may apply it; applying one twice changes nothing, because a hold is closed once.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from tokens.errors import HoldEnded
from tokens.services.holds import Closing, Settlement, close_hold

logger = structlog.get_logger(__name__)

_AWAY = (OperationalError, InterfaceError)
# Writing a file takes milliseconds: a draft of this age is of a process that died over it.
_DEAD_DRAFT_SECONDS = 3600


def close_or_spool(closing: Closing) -> Settlement | None:
    """Close a hold, or keep the closing on disk if the database is away; returns None in that case.

    A connection that broke is replaced once before the database counts as away. A closing that the database refuses is
    a defect, and is kept as well: the provider has done its work, and the books need the usage once that is mended.
    """
    for _try in range(2):
        try:
            return close_hold(closing)
        except _AWAY:
            connection.close()
        except DatabaseError:
            logger.exception("settlement_refused", hold_id=str(closing.hold_id))
            break
    write(closing)
    logger.error("settlement_spooled", hold_id=str(closing.hold_id))
    return None


def write(closing: Closing) -> None:
    """Keep a closing durably: once this returns, neither a crash nor a power cut loses it."""
    folder = _folder()
    path = folder / f"{closing.hold_id}.json"
    draft = path.with_suffix(f".{os.getpid()}.{get_ident()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)  # answers hold text about people
        json.dump(closing._asdict(), file, default=str)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(folder)


def drain() -> int:
    """Apply what waits, oldest first, until all is applied or the database is away again; returns how many.

    A file that cannot be read is set aside as ``.unreadable`` and logged: it is evidence, and never deleted here. One
    that the database refuses stays, and does not hold up the others. Drafts of processes that died are removed: they
    stand for nothing, and hold text about people.
    """
    applied = 0
    _remove_dead_drafts()
    for path in list_waiting():
        try:
            with _claimed(path) as closing:
                if closing is None:
                    continue
                _apply(closing)
                path.unlink(missing_ok=True)  # another drainer may have applied it while this one opened it
        except _AWAY:
            connection.close()
            break
        except DatabaseError:
            logger.exception("spooled_settlement_failed", file=path.name)
            continue
        applied += 1
    if applied:
        _sync(_folder())
    return applied


def _remove_dead_drafts() -> None:
    for draft in _folder().glob("*.draft"):
        written_at = _written_at(draft)
        if written_at is not None and time.time() - written_at > _DEAD_DRAFT_SECONDS:
            logger.warning("spool_draft_removed", file=draft.name)
            draft.unlink(missing_ok=True)


def list_waiting() -> list[Path]:
    """List the files that wait to be applied, oldest first."""
    written = [(moment, path) for path in _folder().glob("*.json") if (moment := _written_at(path)) is not None]
    return [path for _moment, path in sorted(written)]


def _written_at(path: Path) -> float | None:
    """Return when a file was written, or None when it has been applied and removed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def list_unreadable() -> list[Path]:
    """List the files that were set aside because they cannot be read: a person has to look at them."""
    return sorted(_folder().glob("*.unreadable"))


def _apply(closing: Closing) -> None:
    try:
        close_hold(closing)
    except HoldEnded as ended:
        logger.error("spooled_settlement_refused", hold_id=str(closing.hold_id), state=ended.state)
    else:
        logger.info("spooled_settlement_applied", hold_id=str(closing.hold_id))


@contextmanager
def _claimed(path: Path) -> Iterator[Closing | None]:
    """Lock a file against other drainers and read it; None when another has it, applied it, or it is unreadable."""
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            closing = Closing(**{**(content := json.load(file)), "hold_id": UUID(content["hold_id"])})
        except BlockingIOError:
            closing = None
        except (ValueError, TypeError, KeyError):
            logger.error("spool_unreadable", file=path.name)
            path.rename(path.with_suffix(".unreadable"))
            closing = None
        yield closing


def _folder() -> Path:
    folder = Path(settings.SPOOL_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
