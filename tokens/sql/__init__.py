"""SQL of the ledger: the functions that move tokens, and rules beyond Django's migrations."""

from pathlib import Path

_FOLDER = Path(__file__).parent


def load(name: str) -> str:
    """Return the text of ``<name>.sql``; a changed function ships with a migration that loads it again."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
