"""How much one document may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one extraction. `max_characters` cuts the text; every other limit refuses the document."""

    max_bytes: int = 10_000_000
    max_pages: int = 50
    max_characters: int = 200_000
    max_zip_entries: int = 2_000
    max_unpacked_bytes: int = 60_000_000
    max_unpacked_ratio: int = 200
    wall_seconds: float = 20.0
    cpu_seconds: int = 15
    memory_bytes: int = 512 * 1024 * 1024
