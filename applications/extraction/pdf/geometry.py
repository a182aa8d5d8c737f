"""Boxes, polygons, and which of a page's painted areas cover a point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from applications.extraction.contrast import Rgb

Point = tuple[float, float]
BAND_POINTS = 16.0  # height of the strips in which areas are looked up


@dataclass(frozen=True)
class Box:
    """A rectangle with its sides along the axes."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, points: Sequence[Point]) -> Box:
        """Return the smallest box that holds `points`; an empty one if there are none."""
        if not points:
            return cls(0.0, 0.0, 0.0, 0.0)
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return cls(min(xs), min(ys), max(xs), max(ys))

    def holds(self, point: Point) -> bool:
        """Tell whether `point` is inside."""
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def cut(self, other: Box | None) -> Box:
        """Return what this box and `other` share."""
        if other is None:
            return self
        return Box(
            max(self.left, other.left),
            max(self.bottom, other.bottom),
            min(self.right, other.right),
            min(self.top, other.top),
        )


@dataclass(frozen=True)
class Area:
    """Something painted: a filled path, a picture or a shading. `order` counts everything painted before it.

    `color` is None where it varies or cannot be told; `is_opaque` is false where what lies below shows through.
    """

    order: int
    box: Box
    outline: tuple[Point, ...]
    color: Rgb | None
    is_opaque: bool
    is_picture: bool = False

    def covers(self, point: Point) -> bool:
        """Tell whether `point` is inside, by the even-odd rule over straight lines between the path's points."""
        if not self.box.holds(point):
            return False
        x, y = point
        inside = False
        previous_x, previous_y = self.outline[-1]
        for corner_x, corner_y in self.outline:
            if (corner_y > y) != (previous_y > y):
                crossing = (previous_x - corner_x) * (y - corner_y) / (previous_y - corner_y) + corner_x
                inside ^= x < crossing
            previous_x, previous_y = corner_x, corner_y
        return inside


class Surface:
    """The painted areas of one page, looked up by horizontal bands."""

    def __init__(self, page: Box) -> None:
        self._page = page
        self._bands: defaultdict[int, list[Area]] = defaultdict(list)

    def add(self, area: Area) -> None:
        """Remember `area`, which is painted over everything added before."""
        shown = area.box.cut(self._page)
        if shown.left < shown.right and shown.bottom < shown.top:
            for band in range(_band(shown.bottom), _band(shown.top) + 1):
                self._bands[band].append(area)

    def at(self, point: Point) -> Iterator[Area]:
        """Yield the areas that cover `point`, topmost first."""
        areas = self._bands.get(_band(point[1]), ())
        return (area for area in reversed(areas) if area.covers(point))


def _band(y: float) -> int:
    return int(y // BAND_POINTS)
