"""Secrets of one data folder: made at the first start, never printed, never in the tree."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config.embedded.data_folder import write_private


def _password() -> str:
    return secrets.token_urlsafe(24)  # safe in a URL and in an environment file without quoting


@dataclass(frozen=True)
class Credentials:
    """Django's key and the passwords of the embedded servers."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    superuser_password: str = field(default_factory=_password)
    owner_password: str = field(default_factory=_password)
    app_password: str = field(default_factory=_password)
    redis_password: str = field(default_factory=_password)


def load_or_create(path: Path) -> Credentials:
    """Read the credentials, making them at the first start."""
    if path.exists():
        return Credentials(**json.loads(path.read_text()))
    credentials = Credentials()
    write_private(path, json.dumps(asdict(credentials), indent=2))
    return credentials
