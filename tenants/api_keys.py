"""What a process that serves many requests remembers of API keys."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.secrets import KEY_PREFIX, digest_secret

CACHE_SECONDS = 2.0
# The last part of that time, in which the keys in use are read again in advance, so that no call waits for it; so long
# that many are read at once.
_ADVANCE_SECONDS = 1.0
_NOTE_SECONDS = 60.0
# Written out, because every process asks it all the time: the ORM takes three times as long to ask the same.
_TERMS = """
    SELECT k.secret_sha256, k.id, k.company_id, k.scopes, k.allowed_models, k.requests_per_minute, k.expires_at
    FROM tenants_api_key k JOIN tenants_company c ON c.id = k.company_id
    WHERE k.secret_sha256 = ANY(%s) AND k.revoked_at IS NULL AND c.is_active
"""


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """What a key may do. ``allowed_models``: names or patterns such as ``gpt-6*``; empty: all. Times in UTC."""

    id: UUID
    company_id: int
    scopes: frozenset[str]
    allowed_models: Sequence[str]
    requests_per_minute: int | None
    expires_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether the key has not expired; one that was revoked has no terms."""
        return self.expires_at is None or self.expires_at > datetime.now(UTC)

    def allows_model(self, *names: str) -> bool:
        """Tell whether the key may use a model that goes by any of these names."""
        return not self.allowed_models or any(
            fnmatchcase(name, pattern) for pattern in self.allowed_models for name in names
        )


class KeyRing:
    """The terms of all companies' keys, each read again once it is ``seconds`` old; for any number of threads.

    A key that was revoked works for at most ``seconds`` longer, and a key that is new, or was asked for too early,
    is found as late. Secrets are not kept, only their hashes; what callers make up cannot push out keys that exist.
    """

    def __init__(self, *, seconds: float = CACHE_SECONDS, max_keys: int = 10_000) -> None:
        self._seconds, self._max_keys = seconds, max_keys
        self._lock = Lock()
        self._known: dict[bytes, tuple[float, KeyTerms]] = {}
        self._unknown: dict[bytes, float] = {}
        self._noted: dict[UUID, float] = {}
        self._in_use: set[bytes] = set()  # asked for since they were read
        self._is_renewing = False

    def recall(self, secret: str) -> tuple[KeyTerms | None, bool]:
        """Return what is remembered of a secret, if anything is, and whether it is now ``renew``'s turn; never blocks.

        Of those that ask, one is told to call ``renew``. Without terms it is ``find``'s turn.
        """
        digest = digest_secret(secret)
        until, terms = self._known.get(digest, (0.0, None))  # one look at a dictionary needs no lock
        left = until - monotonic()
        if terms is None or left <= 0:
            return None, False
        self._in_use.add(digest)
        is_due = left <= _ADVANCE_SECONDS and not self._is_renewing
        if is_due:
            self._is_renewing = True
        return terms, is_due

    def find(self, secret: str) -> KeyTerms | None:
        """Return the terms of the key of that secret, or None if there is none or it was revoked.

        Reads the database unless it did within ``seconds``: not for an event loop.
        """
        if not secret.startswith(KEY_PREFIX):
            return None
        digest, now = digest_secret(secret), monotonic()
        with self._lock:
            until, terms = self._known.get(digest, (0.0, None))
            if until > now or self._unknown.get(digest, 0.0) > now:
                return terms if until > now else None
        return self._read([digest]).get(digest)

    def renew(self) -> None:
        """Read the terms again of all keys that are in use and soon too old.

        Reads the database, once: not for an event loop.
        """
        soon = monotonic() + _ADVANCE_SECONDS
        try:
            self._read([digest for digest in self._in_use.copy() if self._known.get(digest, (0.0, None))[0] <= soon])
        finally:
            self._is_renewing = False

    def _read(self, digests: Sequence[bytes]) -> Mapping[bytes, KeyTerms]:
        until = monotonic() + self._seconds
        self._in_use.difference_update(digests)
        found = _read_terms(digests)
        with self._lock:
            for digest in digests:
                self._remember(digest, found.get(digest), until)
        return found

    def is_use_due(self, key_id: UUID) -> bool:
        """Tell, once a minute for each key, that ``note_use`` should be called; never blocks."""
        now = monotonic()
        with self._lock:
            if self._noted.get(key_id, 0.0) > now:
                return False
            _make_room(self._noted, self._max_keys)
            self._noted[key_id] = now + _NOTE_SECONDS
        return True

    def _remember(self, digest: bytes, terms: KeyTerms | None, until: float) -> None:
        if terms is None:
            self._known.pop(digest, None)
            _make_room(self._unknown, self._max_keys)
            self._unknown[digest] = until
        else:
            self._unknown.pop(digest, None)
            _make_room(self._known, self._max_keys)
            self._known[digest] = until, terms


def _make_room(remembered: dict[Any, Any], max_keys: int) -> None:
    """Forget the oldest half at once when it is full: cheap for each, and what is in use is soon read again."""
    if len(remembered) >= max_keys:
        for key in list(remembered)[: max_keys // 2 or 1]:
            del remembered[key]


def _read_terms(digests: Sequence[bytes]) -> Mapping[bytes, KeyTerms]:
    """Read what the keys of those hashes may do, but for those that were revoked or whose company is not active."""
    with connection.cursor() as cursor:
        cursor.execute(_TERMS, [list(digests)])
        return {bytes(digest): _as_terms(*row) for digest, *row in cursor.fetchall()}


def _as_terms(
    key_id: UUID,
    company_id: int,
    scopes: str,
    allowed_models: str,
    requests_per_minute: int | None,
    expires_at: datetime | None,
) -> KeyTerms:
    return KeyTerms(
        id=key_id,
        company_id=company_id,
        scopes=frozenset(json.loads(scopes)),
        allowed_models=tuple(json.loads(allowed_models)),
        requests_per_minute=requests_per_minute,
        expires_at=expires_at,
    )
