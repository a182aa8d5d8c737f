"""The secrets of API keys: ``wnw_`` and 256 random bits."""

import hashlib
import secrets

KEY_PREFIX = "wnw_"
PREFIX_LENGTH = len(KEY_PREFIX) + 4  # shown in lists; leaves 240 bits unknown


def new_secret() -> str:
    """Make a secret. Hexadecimal, so that a double click selects all of it."""
    return KEY_PREFIX + secrets.token_hex(32)


def digest_secret(secret: str) -> bytes:
    """Return the SHA-256 by which a key is stored and found.

    A plain hash is enough: nobody can guess 256 random bits, however fast they try.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
