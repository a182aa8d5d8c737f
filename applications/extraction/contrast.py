"""Whether one colour can be read on another."""

from __future__ import annotations

Rgb = tuple[float, float, float]

WHITE: Rgb = (1.0, 1.0, 1.0)
# Below this difference of the most different channel (of 1) nobody reads text: about #f0f0f0 on white.
READABLE_DIFFERENCE = 0.06


def is_readable(ink: Rgb | None, ground: Rgb | None) -> bool:
    """Tell whether text of colour `ink` can be seen on `ground`; None, a colour not known, counts as different."""
    if ink is None or ground is None:
        return True
    return max(abs(a - b) for a, b in zip(ink, ground, strict=True)) >= READABLE_DIFFERENCE
