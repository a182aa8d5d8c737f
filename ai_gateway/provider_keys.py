"""Companies' own keys at providers: encrypted at rest, used instead of the platform's, shown to nobody again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from time import monotonic

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models.functions import Now

from ai_gateway.models import ProviderKey
from tenants.models import Company, Membership

logger = structlog.get_logger(__name__)

CACHE_SECONDS = 2.0
_MAX_COMPANIES = 10_000
# Written out, because the gateway asks it all the time: the ORM takes twice as long to ask the same.
_CIPHERTEXTS = "SELECT provider, ciphertext FROM ai_gateway_provider_key WHERE company_id = %s AND revoked_at IS NULL"


class NoEncryptionKey(ImproperlyConfigured):
    """``PROVIDER_KEYS_SECRETS`` is not set, or holds what is no Fernet key."""


class ProviderKeyUnreadable(ImproperlyConfigured):
    """A company's own key cannot be decrypted. Its calls fail: on the platform's key they would cost tokens."""


def list_own_key_providers() -> list[str]:
    """Name the providers at which a company can have its own account."""
    return [name for name in settings.OWN_KEY_PROVIDERS if name in settings.AI_PROVIDERS]


def list_provider_keys(company: Company) -> dict[str, ProviderKey]:
    """Return the keys of a company that are in use, by provider."""
    keys = ProviderKey.objects.filter(company=company, revoked_at__isnull=True).select_related("created_by")
    return {key.provider: key for key in keys}


def set_provider_key(*, company: Company, provider: str, secret: str, acting: Membership) -> ProviderKey:
    """Keep a company's key at a provider, encrypted, in the place of the one before, which is erased.

    Raises ``NoEncryptionKey``.
    """
    ciphers = _load_ciphers()
    with transaction.atomic():
        Company.objects.select_for_update(no_key=True).get(pk=company.pk)  # two admins at once: the later one's stays
        _erase(company, provider, acting)
        key = ProviderKey.objects.create(
            company=company,
            provider=provider,
            ciphertext=ciphers.encrypt(company.pk, provider, secret),
            encryption_key_id=ciphers.first_id,
            last_four=secret[-4:],
            created_by_id=acting.user_id,
        )
    _log("provider_key_set", key, acting)
    return key


def remove_provider_key(*, company: Company, provider: str, acting: Membership) -> bool:
    """Erase a company's key at a provider; returns False when there is none. The row says that there was one."""
    with transaction.atomic():
        Company.objects.select_for_update(no_key=True).get(pk=company.pk)
        return _erase(company, provider, acting)


def find_provider_key(company_id: int, provider: str) -> str | None:
    """Return a company's own key at a provider, or None: then the platform's is used.

    A key that was just set or removed is seen after ``CACHE_SECONDS``. Reads the database unless it did within them:
    not for an event loop. Never log what this returns.

    Raises ``NoEncryptionKey`` or ``ProviderKeyUnreadable``.
    """
    if provider not in settings.OWN_KEY_PROVIDERS:
        return None
    found = _recall(company_id).ciphertexts.get(provider)
    return None if found is None else _load_ciphers().decrypt(company_id, provider, found)


def find_own_providers(company_id: int, *, afresh: bool = False) -> frozenset[str]:
    """Return the providers at which a company has a key of its own, as late as ``find_provider_key`` or ``afresh``."""
    kept = _read(company_id) if afresh else _recall(company_id)
    return frozenset(kept.ciphertexts).intersection(settings.OWN_KEY_PROVIDERS)


def forget_provider_keys() -> None:
    """Drop what this process remembers, so that keys just set are seen at once."""
    with _lock:
        _remembered.clear()


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: keys encrypted anew, those that were up to date, and those that no secret opens."""

    rotated: int
    current: int
    unreadable: list[str]


def rotate_provider_keys(*, dry_run: bool = False) -> Rotation:
    """Encrypt every key under the first secret that is not yet, one by one; raises ``NoEncryptionKey``."""
    ciphers, rotated, unreadable = _load_ciphers(), 0, []
    in_use = ProviderKey.objects.filter(revoked_at__isnull=True)
    current = in_use.filter(encryption_key_id=ciphers.first_id).count()
    for key_id in in_use.exclude(encryption_key_id=ciphers.first_id).values_list("pk", flat=True):
        with transaction.atomic():
            key = in_use.select_for_update().filter(pk=key_id).first()
            if key is None:
                continue  # removed meanwhile
            try:
                secret = ciphers.decrypt(key.company_id, key.provider, bytes(key.ciphertext))
            except ProviderKeyUnreadable:
                unreadable.append(str(key_id))
                continue
            rotated += 1
            if not dry_run:
                key.ciphertext = ciphers.encrypt(key.company_id, key.provider, secret)
                key.encryption_key_id = ciphers.first_id
                key.save(update_fields=["ciphertext", "encryption_key_id"])
    return Rotation(rotated, current, unreadable)


class _Ciphers:
    """The secrets of the settings: the first encrypts, all decrypt."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(secret) for secret in secrets])
        self.first_id = sha256(secrets[0].encode()).hexdigest()[:16]

    def encrypt(self, company_id: int, provider: str, secret: str) -> bytes:
        """Encrypt a key together with whose it is: moved to another row it does not open."""
        return self._fernet.encrypt(json.dumps([company_id, provider, secret]).encode())

    def decrypt(self, company_id: int, provider: str, ciphertext: bytes) -> str:
        """Return the key; raises ``ProviderKeyUnreadable``."""
        try:
            *whose, secret = json.loads(self._fernet.decrypt(ciphertext))
        except InvalidToken:
            whose = []
        if whose != [company_id, provider]:
            logger.error("provider_key_unreadable", company_id=company_id, provider=provider)
            raise ProviderKeyUnreadable(f"The key of company {company_id} at {provider!r} cannot be decrypted.")
        return str(secret)


@dataclass(frozen=True)
class _Kept:
    """The encrypted keys of one company by provider, and until when they may be used."""

    until: float
    ciphertexts: Mapping[str, bytes]


_remembered: dict[int, _Kept] = {}
_lock = Lock()


def _recall(company_id: int) -> _Kept:
    kept = _remembered.get(company_id)
    return _read(company_id) if kept is None or monotonic() >= kept.until else kept


def _read(company_id: int) -> _Kept:
    until = monotonic() + CACHE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(_CIPHERTEXTS, [company_id])
        kept = _Kept(until, {provider: bytes(text) for provider, text in cursor.fetchall()})
    with _lock:
        if len(_remembered) >= _MAX_COMPANIES:
            _remembered.clear()
        _remembered[company_id] = kept
    return kept


def _load_ciphers() -> _Ciphers:
    if not settings.PROVIDER_KEYS_SECRETS:
        raise NoEncryptionKey("Set PROVIDER_KEYS_SECRETS to keep companies' own provider keys.")
    try:
        return _make_ciphers(*settings.PROVIDER_KEYS_SECRETS)
    except ValueError as error:
        raise NoEncryptionKey("PROVIDER_KEYS_SECRETS holds what is no Fernet key.") from error


@lru_cache(maxsize=2)
def _make_ciphers(*secrets: str) -> _Ciphers:
    return _Ciphers(secrets)


def _erase(company: Company, provider: str, acting: Membership) -> bool:
    key = ProviderKey.objects.filter(company=company, provider=provider, revoked_at__isnull=True).first()
    if key is None:
        return False
    ProviderKey.objects.filter(pk=key.pk).update(ciphertext=b"", revoked_at=Now(), revoked_by_id=acting.user_id)
    _log("provider_key_removed", key, acting)
    return True


def _log(event: str, key: ProviderKey, acting: Membership) -> None:
    facts = {"provider_key_id": str(key.pk), "company_id": key.company_id, "provider": key.provider}
    transaction.on_commit(forget_provider_keys)
    logger.info(event, **facts, user_id=acting.user_id)
