"""Colours of the PDF model as RGB, as far as that is possible without colour profiles."""

from __future__ import annotations

from pdfminer.pdfcolor import PDFColorSpace

from applications.extraction.contrast import WHITE, Rgb

SUBTRACTIVE = ("Separation", "DeviceN")
NOT_TOLD_BY_NUMBERS = ("Indexed", "Pattern", "Lab")


def to_rgb(color: object, space: PDFColorSpace) -> Rgb | None:
    """Return the colour, or None if only a renderer could tell."""
    values = color if isinstance(color, tuple) else (color,)
    channels = [min(max(float(value), 0.0), 1.0) for value in values if isinstance(value, int | float)]
    if len(channels) < len(values) or space.name in NOT_TOLD_BY_NUMBERS:
        return None
    if space.name in SUBTRACTIVE:
        return None if any(channels) else WHITE  # no ink at all
    match channels:
        case [gray]:
            return (gray, gray, gray)
        case [red, green, blue]:
            return (red, green, blue)
        case [cyan, magenta, yellow, black]:
            paper = 1 - black
            return ((1 - cyan) * paper, (1 - magenta) * paper, (1 - yellow) * paper)
    return None
