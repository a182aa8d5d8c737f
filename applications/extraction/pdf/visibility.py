"""Which glyphs of a page a person would see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from pdfminer.layout import LTChar

from applications.extraction.contrast import WHITE, Rgb, is_readable
from applications.extraction.pdf.color import to_rgb
from applications.extraction.pdf.geometry import Box, Point, Surface
from applications.extraction.pdf.state import GraphicState

MIN_POINTS = 1.0  # at and below, text is a line of dust
MIN_ALPHA = 0.05
INVISIBLE_MODES = (3, 7)  # neither filled nor stroked (ISO 32000-1, table 106)
STROKED_MODES = (1, 2, 5, 6)
FILLED_MODES = (0, 2, 4, 6)
SCAN_VISIBLE_SHARE = 0.1  # of a scan's text that may be real, such as a stamp or a page number


class Seen(Enum):
    """How a glyph shows."""

    PLAINLY = auto()
    NOT = auto()
    IN_A_PICTURE = auto()  # the glyph does not show, but lies on or below a picture that may show it


@dataclass(frozen=True)
class Glyph:
    """One character as painted; `order` counts everything painted before it, `points` is its size."""

    char: LTChar
    order: int
    mode: int
    points: float
    state: GraphicState

    @property
    def center(self) -> Point:
        """The middle of the character's box."""
        return (self.char.x0 + self.char.x1) / 2, (self.char.y0 + self.char.y1) / 2


@dataclass(frozen=True)
class PageText:
    """The text of one page."""

    text: str
    hidden_removed: bool = False
    from_scan: bool = False


@dataclass(frozen=True)
class Choice:
    """The glyphs to keep."""

    glyphs: Sequence[Glyph]
    hidden_removed: bool = False
    from_scan: bool = False


def choose_text(glyphs: Sequence[Glyph], surface: Surface, page: Box) -> Choice:
    """Keep the glyphs that are seen; of a scanned page, the layer of recognised text behind the picture too."""
    kept: dict[Seen, list[Glyph]] = {seen: [] for seen in Seen}
    blanks: list[Glyph] = []
    for glyph in glyphs:
        if glyph.char.get_text().isspace():
            blanks.append(glyph)
        else:
            kept[_how_seen(glyph, surface, page)].append(glyph)
    plain, layer = kept[Seen.PLAINLY], kept[Seen.IN_A_PICTURE]
    is_scan = len(plain) <= len(layer) * SCAN_VISIBLE_SHARE and bool(layer)
    if is_scan:
        plain = plain + layer
    dropped = bool(kept[Seen.NOT]) or (bool(layer) and not is_scan)
    chosen = plain if dropped else plain + blanks
    return Choice(sorted(chosen, key=lambda glyph: glyph.order), dropped, is_scan)


def _how_seen(glyph: Glyph, surface: Surface, page: Box) -> Seen:
    point = glyph.center
    if not page.cut(glyph.state.clip).holds(point) or glyph.points <= MIN_POINTS:
        return Seen.NOT
    under_picture = on_picture = False
    ground: Rgb | None = WHITE
    for area in surface.at(point):
        if area.order > glyph.order and area.is_opaque:
            if not area.is_picture:
                return Seen.NOT
            under_picture = True
        elif area.order < glyph.order:
            on_picture, ground = area.is_picture, area.color
            break
    if under_picture or glyph.mode in INVISIBLE_MODES or glyph.state.fill_alpha < MIN_ALPHA:
        return Seen.IN_A_PICTURE if under_picture or on_picture else Seen.NOT
    inks = _inks(glyph)
    return Seen.PLAINLY if any(is_readable(ink, ground) for ink in inks) else Seen.NOT


def _inks(glyph: Glyph) -> list[Rgb | None]:
    state = glyph.state
    fill = [to_rgb(state.ncolor, state.ncs)] if glyph.mode in FILLED_MODES else []
    stroke = [to_rgb(state.scolor, state.scs)] if glyph.mode in STROKED_MODES else []
    return fill + stroke
