"""Short values that change when work done at an earlier start has to be done again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from config.embedded.data_folder import PROJECT

_LOCK = PROJECT / "requirements" / "production.lock"  # packages bring tables and static files of their own


def of_static_files() -> str:
    """Return a value for what browsers load."""
    return _digest([_LOCK, *PROJECT.glob("static/**/*"), *PROJECT.glob("[!.]*/static/**/*")])


def of_tables_and_demo(address: str) -> str:
    """Return a value for the tables, and for the demo's data, whose links hold the web server's address."""
    migrations = PROJECT.glob("[!.]*/migrations/*.py")
    return _digest(
        [_LOCK, *migrations, *PROJECT.glob("config/demo/**/*.py"), *PROJECT.glob("docs/samples/**/*")], address
    )


def _digest(paths: Iterable[Path], *words: str) -> str:
    digest = hashlib.sha256("\n".join(words).encode())
    for path in sorted(path for path in paths if path.is_file()):
        status = path.stat()
        digest.update(f"\n{path} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()
