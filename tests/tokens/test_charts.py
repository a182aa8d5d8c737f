"""Charts: figures become markup, and nothing is left out."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from django.utils import translation

from tokens.charts import Bar, Day, bar_chart, stacked_day_chart

MONDAY = date(2026, 11, 16)
SERIES = {"cv_parse": "Read CV", "cv_analyze": "Analyse", "scoring": "Score"}


def bars(*values: int) -> str:
    rows = [Bar(f"Row {number}", value, series=number) for number, value in enumerate(values, 1)]
    return bar_chart(rows, chart_id="b", title="Title", description="Description")


def days(*values: dict[str, int]) -> str:
    rows = [Day(MONDAY + timedelta(days=offset), day) for offset, day in enumerate(values)]
    return stacked_day_chart(rows, SERIES, chart_id="d", title="Title", description="Description")


def heights(svg: str, series: int) -> list[float]:
    return [
        float(h)
        for h in re.findall(rf'<rect class="series-{series}" x="[^"]*" y="[^"]*" width="[^"]*" height="([\d.]+)"', svg)
    ]


def test_a_chart_is_an_image_with_title_and_description() -> None:
    svg = ElementTree.fromstring(bars(1))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-labelledby"] == "b-title"
    assert svg.attrib["aria-describedby"] == "b-desc"
    assert (svg[0].attrib["id"], svg[0].text) == ("b-title", "Title")
    assert (svg[1].attrib["id"], svg[1].text) == ("b-desc", "Description")


def test_bars_are_scaled_to_the_longest_and_shares_to_the_sum() -> None:
    svg = bars(300, 100)
    assert re.findall(r'class="series-\d"[^>]* width="([\d.]+)%"', svg) == ["100", "33.33"]
    assert "300 · 75%" in svg
    assert "100 · 25%" in svg


def test_bars_without_any_tokens_are_drawn_empty() -> None:
    svg = bars(0, 0)
    assert re.findall(r'class="series-\d"[^>]* width="([\d.]+)%"', svg) == ["0", "0"]
    assert svg.count("0 · 0%") == 2


def test_a_corrected_row_below_zero_has_no_bar_but_its_figure() -> None:
    svg = bars(100, -20)
    assert re.findall(r'class="series-\d"[^>]* width="([\d.]+)%"', svg) == ["100", "0"]
    assert "−20" in svg


def test_labels_are_escaped() -> None:
    svg = bar_chart([Bar("<script>&", 1)], chart_id="b", title="<t>", description="&")
    assert "<script>" not in svg
    assert "&lt;script&gt;&amp;" in svg


def test_a_day_is_stacked_from_the_base_line_up() -> None:
    svg = days({"cv_parse": 50, "scoring": 50})
    first, second = heights(svg, 1), heights(svg, 3)
    assert first == second == [88.0]
    assert re.findall(r'class="series-\d" x="[^"]*" y="([\d.]+)"', svg) == ["96", "8"]


def test_the_scale_ends_on_a_round_number_above_the_highest_day() -> None:
    svg = days({"cv_parse": 900}, {"cv_parse": 1100})
    assert ">2k<" in svg
    assert ">1k<" in svg
    assert heights(svg, 1) == [79.2, 96.8]


def test_every_day_says_its_figures() -> None:
    svg = days({"cv_parse": 1200, "scoring": 34}, {})
    assert "<title>16 Nov 2026: 1,234 tokens (Read CV 1,200, Score 34)</title>" in svg
    assert "<title>17 Nov 2026: 0 tokens</title>" in svg


def test_a_series_keeps_its_colour_when_others_have_no_tokens() -> None:
    svg = days({"scoring": 10})
    legend = svg[: svg.index('<svg class="chart')]
    assert "series-3" in legend
    assert "Score" in legend
    assert "Read CV" not in legend


def test_tokens_of_an_unlabelled_series_are_refused_rather_than_hidden() -> None:
    with pytest.raises(ValueError, match="video"):
        days({"video": 5})


def test_a_day_with_a_correction_stays_inside_the_picture() -> None:
    svg = days({"cv_parse": 1000, "scoring": -900})
    assert heights(svg, 1) == [176.0]
    assert heights(svg, 3) == []
    assert "16 Nov 2026: 100 tokens" in svg


def test_no_days_and_idle_days_draw_only_the_base_line() -> None:
    for svg in (days(), days({}, {})):
        assert svg.count("chart__base") == 1
        assert "chart__grid" not in svg
        assert "series-" not in svg


def test_coordinates_have_a_point_in_every_locale() -> None:
    with translation.override("de"):
        svg = days({"cv_parse": 1234567}, {"cv_parse": 1}, {"cv_parse": 5})
    for value in re.findall(r' (?:x|y|width|height)="([^"]*)"', svg):
        assert re.fullmatch(r"-?\d+(\.\d+)?%?", value), value
    assert "1.234.567" in svg


def test_charts_need_no_inline_styles() -> None:
    assert "style=" not in bars(3, 4) + days({"cv_parse": 5})
