"""Charts as server-rendered SVG: pure functions from figures to markup.

Widths are percentages and heights are pixels, without a ``viewBox``: a chart fills its column while its text
keeps its size, also at 320 px. Colours come from classes, because the content security policy forbids style
attributes. A chart is an image with a title and a description; the table behind it belongs to the page.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tenants.templatetags.winnow_ui import percent, whole

SERIES_COLOURS = 7
_ROW_HEIGHT = 46
_BAR_HEIGHT = 12
_PLOT_HEIGHT = 176
_AXIS_HEIGHT = 22
_TOP = 8
_TICK_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a horizontal bar chart. ``series`` picks the colour, from 1."""

    label: str
    value: int
    series: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a stacked chart: a value per series key; a missing key counts as nothing."""

    day: date
    values: Mapping[str, int]

    @property
    def total(self) -> int:
        """Sum the day over all series; corrections may make a part, or all of it, negative."""
        return sum(self.values.values())

    @property
    def height(self) -> int:
        """Sum what is drawn: there is no bar below the base line."""
        return sum(value for value in self.values.values() if value > 0)


def bar_chart(bars: Sequence[Bar], *, chart_id: str, title: str, description: str) -> SafeString:
    """Draw one horizontal bar per row, scaled to the longest, with its value and its share of the sum.

    ``chart_id`` must be unique on the page: title and description are referred to by it.
    """
    longest = max((bar.value for bar in bars), default=0)
    total = sum(bar.value for bar in bars)
    rows = format_html_join(
        "", "{}", ((_bar_row(bar, _ROW_HEIGHT * row, longest, total),) for row, bar in enumerate(bars))
    )
    return _svg(rows, height=_ROW_HEIGHT * len(bars), chart_id=chart_id, title=title, description=description)


def stacked_day_chart(
    days: Sequence[Day], series: Mapping[str, str], *, chart_id: str, title: str, description: str
) -> SafeString:
    """Draw one bar per day, stacked by series, above a legend.

    ``series`` maps each key to its label, in stacking order from the base line up. Colours follow that order, so
    pass all known series, also those without tokens: the legend leaves them out, and the others keep their
    colours. Every key used by a day must be in it, so that no tokens are left out of the picture.
    """
    used = {key for day in days for key, value in day.values.items() if value}
    unknown = used - series.keys()
    if unknown:
        raise ValueError(f"days have series without a label: {sorted(unknown)}")
    top_value = _round_up(max((day.height for day in days), default=0))
    body = format_html(
        "{}{}{}", _grid(top_value), _day_bars(days, series, top_value), _day_labels([day.day for day in days])
    )
    chart = _svg(
        body,
        height=_TOP + _PLOT_HEIGHT + _AXIS_HEIGHT,
        chart_id=chart_id,
        title=title,
        description=description,
        extra_class="chart--axis",
    )
    return format_html("{}{}", _legend(series, used), chart)


def _legend(series: Mapping[str, str], used: Set[str]) -> SafeString:
    """List what each colour of a chart stands for."""
    items = format_html_join(
        "",
        '<li><svg class="swatch" aria-hidden="true"><rect class="series-{}" width="100%" height="100%"/></svg>{}</li>',
        ((_colour(position), label) for position, (key, label) in enumerate(series.items(), 1) if key in used),
    )
    return format_html('<ul class="legend">{}</ul>', items)


def _svg(
    body: SafeString, *, height: int, chart_id: str, title: str, description: str, extra_class: str = ""
) -> SafeString:
    return format_html(
        '<svg class="chart {}" width="100%" height="{}" role="img"'
        ' aria-labelledby="{}-title" aria-describedby="{}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>',
        extra_class,
        height,
        chart_id,
        chart_id,
        chart_id,
        title,
        chart_id,
        description,
        body,
    )


def _bar_row(bar: Bar, top: int, longest: int, total: int) -> SafeString:
    share = percent(100 * bar.value / total) if total else percent(0)
    text_y, bar_y = top + 16, top + 24
    return format_html(
        '<g><text x="0" y="{}">{}</text><text x="100%" y="{}" text-anchor="end">{} · {}</text>'
        '<rect class="chart__track" x="0" y="{}" width="100%" height="{}" rx="3"/>'
        '<rect class="series-{}" x="0" y="{}" width="{}%" height="{}" rx="3"/></g>',
        text_y,
        bar.label,
        text_y,
        whole(bar.value),
        share,
        bar_y,
        _BAR_HEIGHT,
        _colour(bar.series),
        bar_y,
        _number(max(0.0, 100 * bar.value / longest) if longest > 0 else 0),
        _BAR_HEIGHT,
    )


def _grid(top_value: int) -> SafeString:
    """Draw the base line and, where there is something to measure, two grid lines with their values."""
    base = _TOP + _PLOT_HEIGHT
    lines = [(0, "chart__base")]
    if top_value:
        lines += [(top_value // 2, "chart__grid"), (top_value, "chart__grid")]
    return format_html_join(
        "",
        '<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/>'
        '<text class="chart__tick" x="-8" y="{}" dy="0.32em" text-anchor="end">{}</text>',
        (
            (name, y, y, y, _short(value))
            for value, name in lines
            for y in (_number(base - (_PLOT_HEIGHT * value / top_value if top_value else 0)),)
        ),
    )


def _day_bars(days: Sequence[Day], series: Mapping[str, str], top_value: int) -> SafeString:
    slot = 100 / len(days) if days else 0
    return format_html_join(
        "",
        '<g class="chart__day"><title>{}</title>'
        '<rect class="chart__hit" x="{}%" y="{}" width="{}%" height="{}"/>{}</g>',
        (
            (
                _day_summary(day, series),
                _number(position * slot),
                _TOP,
                _number(slot),
                _PLOT_HEIGHT,
                _stack(day, series, left=(position + 0.14) * slot, width=slot * 0.72, top_value=top_value),
            )
            for position, day in enumerate(days)
        ),
    )


def _stack(day: Day, series: Mapping[str, str], *, left: float, width: float, top_value: int) -> SafeString:
    """Draw the parts of one day upwards from the base line; parts without tokens are left out."""
    parts: list[tuple[int, str, str, str, str]] = []
    bottom = float(_TOP + _PLOT_HEIGHT)
    for position, key in enumerate(series, start=1):
        value = day.values.get(key, 0)
        if value > 0:
            height = _PLOT_HEIGHT * value / top_value
            bottom -= height
            parts.append((_colour(position), _number(left), _number(bottom), _number(width), _number(height)))
    return format_html_join("", '<rect class="series-{}" x="{}%" y="{}" width="{}%" height="{}"/>', parts)


def _day_labels(days: Sequence[date]) -> SafeString:
    """Label the first, middle and last day; more would collide on a phone."""
    if not days:
        return mark_safe("")
    y = _TOP + _PLOT_HEIGHT + 16
    places = {0: ("0", "start"), len(days) - 1: ("100%", "end")}
    if len(days) > 4:
        places[len(days) // 2] = ("50%", "middle")
    return format_html_join(
        "",
        '<text class="chart__tick" x="{}" y="{}" text-anchor="{}">{}</text>',
        ((x, y, anchor, date_format(days[position], "j M")) for position, (x, anchor) in sorted(places.items())),
    )


def _day_summary(day: Day, series: Mapping[str, str]) -> str:
    parts = [f"{label} {whole(day.values[key])}" for key, label in series.items() if day.values.get(key)]
    total = f"{date_format(day.day, 'j M Y')}: {whole(day.total)} tokens"
    return f"{total} ({', '.join(parts)})" if parts else total


def _round_up(value: int) -> int:
    """Round up to twice a round number, so that the grid line in the middle is round as well."""
    if value <= 0:
        return 0
    half = max(1, -(-value // 2))
    magnitude = int(10 ** (len(str(half)) - 1))
    return 2 * next(step * magnitude for step in _TICK_STEPS if step * magnitude >= half)


def _short(value: int) -> str:
    """Write an axis value in at most five characters or so."""
    for unit, suffix in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{suffix}"
    return str(value)


def _colour(position: int) -> int:
    return (position - 1) % SERIES_COLOURS + 1


def _number(value: float) -> str:
    """Write a coordinate with a point, whatever the locale."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
