"""How numbers, times, money and states are written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import translation

from tenants.templatetags import winnow_ui


def render(source: str, **context: object) -> str:
    return Template("{% load winnow_ui %}" + source).render(Context(context))


def test_whole_numbers_are_grouped_as_the_locale_groups() -> None:
    assert winnow_ui.whole(1234567) == "1,234,567"
    with translation.override("de"):
        assert winnow_ui.whole(1234567) == "1.234.567"


def test_a_negative_number_carries_a_real_minus() -> None:
    assert winnow_ui.whole(-1200) == "−1,200"


def test_a_missing_number_is_a_dash_and_zero_is_not() -> None:
    assert "–" in winnow_ui.whole(None)
    assert winnow_ui.whole(0) == "0"


def test_cards_show_numbers_in_full_below_a_million() -> None:
    assert winnow_ui.abbreviated(999_999) == '<data value="999999">999,999</data>'


def test_cards_never_round_a_balance_up() -> None:
    assert winnow_ui.abbreviated(1_999_999) == '<data value="1999999" title="1,999,999">1.99M</data>'
    assert ">−1.99M<" in winnow_ui.abbreviated(-1_999_999)
    assert ">2.50B<" in winnow_ui.abbreviated(2_500_000_000)


def test_an_unknown_price_is_said_and_never_a_zero() -> None:
    assert winnow_ui.usd(None) == '<span class="unpriced">not priced</span>'
    assert ">$0.00<" in winnow_ui.usd(Decimal(0))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.345", "$12.35"),
        ("1234.5", "$1,234.50"),
        ("0.00421", "$0.0042"),
        ("0.00001", "&lt;$0.0001"),
        ("-0.25", "−$0.2500"),
        ("0.99996", "$1.0000"),
    ],
)
def test_dollars_are_short_and_keep_their_exact_value(amount: str, text: str) -> None:
    assert f'title="{amount} USD">{text}</data>' in winnow_ui.usd(Decimal(amount))


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal("15.5"), "16%"), (4.25, "4.3%"), (0, "0%"), (Decimal(100), "100%")]
)
def test_percentages_have_a_decimal_only_when_small(value: float, text: str) -> None:
    assert winnow_ui.percent(value) == text


def test_changes_carry_their_sign() -> None:
    assert winnow_ui.change(Decimal(12)) == "+12%"
    assert winnow_ui.change(Decimal(-12)) == "−12%"
    assert winnow_ui.change(0) == "0%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (3.24, "3.2 s"), (9.96, "10 s"), (42, "42 s"), (192, "3 min 12 s"), (7500, "2 h 05 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert winnow_ui.duration(seconds) == text


def test_a_moment_is_shown_in_the_zone_with_its_exact_form_on_hover() -> None:
    at = datetime(2026, 11, 21, 23, 30, 5, tzinfo=UTC)
    exact = "2026-11-22T00:30:05+01:00"
    assert (
        winnow_ui.moment(at, "Europe/Berlin") == f'<time datetime="{exact}" title="{exact}">22 Nov 2026, 00:30</time>'
    )
    assert winnow_ui.moment(at, ZoneInfo("Europe/Berlin"), "clock").endswith(">00:30:05</time>")


def test_a_plain_date_is_not_moved_by_any_zone() -> None:
    assert winnow_ui.moment(date(2026, 11, 21), "Pacific/Auckland") == '<time datetime="2026-11-21">21 Nov 2026</time>'


def test_identifiers_become_words() -> None:
    assert winnow_ui.in_words("waiting_for_tokens") == "Waiting for tokens"
    assert winnow_ui.in_words("workHistory") == "Work history"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ({}, "empty"),
        ({"a": 1}, "mapping"),
        (["a", "b"], "words"),
        (["x" * 41], "list"),
        ([{"a": 1}], "list"),
        (0, "text"),
    ],
)
def test_parsed_values_are_laid_out_by_their_shape(value: object, shape: str) -> None:
    assert winnow_ui.shape(value) == shape


def test_a_state_is_told_by_word_and_icon_beside_its_colour() -> None:
    badge = render('{% state_badge "waiting_for_tokens" %}')
    assert "badge--warn" in badge
    assert "icons.svg#clock" in badge
    assert "Waiting for tokens" in badge


def test_an_unknown_state_is_shown_without_a_judgement() -> None:
    assert "badge--quiet" in render('{% state_badge "brand_new" %}')


def test_labels_from_data_are_escaped() -> None:
    badge = render('{% state_badge "failed" label %}', label="<script>")
    assert "&lt;script&gt;" in badge
    assert "<script>" not in badge


def test_a_note_offers_its_action_only_with_an_address() -> None:
    assert 'href="/tokens"' in render('{% note "critical" title="T" action_label="Buy" action_url="/tokens" %}')
    assert "Buy" not in render('{% note "critical" title="T" action_label="Buy" %}')


def test_a_share_bar_stays_within_its_track() -> None:
    assert 'width="100.0%"' in render("{% share_bar 250 %}")
    assert 'width="0.0%"' in render("{% share_bar missing %}", missing=None)


def test_the_balance_bar_says_in_words_what_it_draws() -> None:
    bar = render("{% balance_bar 100000 50000 2000 %}")
    assert 'aria-label="50,000 used, 2,000 held, of 100,000 allocated"' in bar
    assert 'x="50.00%" width="2.00%"' in bar


@pytest.mark.parametrize(
    ("path", "mark"),
    [("/c/a/jobs/", 'aria-current="page"'), ("/c/a/jobs/1/", 'aria-current="true"'), ("/c/a/tokens/", "")],
)
def test_navigation_marks_where_the_reader_is(path: str, mark: str) -> None:
    link = render('{% nav_link "Jobs" "/c/a/jobs/" %}', request=SimpleNamespace(path=path))
    assert link == f'<a href="/c/a/jobs/"{" " if mark else ""}{mark}>Jobs</a>'


def test_navigation_leaves_out_what_has_no_address() -> None:
    assert render('{% nav_link "Jobs" "" %}') == ""


def test_a_table_is_named_and_can_be_scrolled_by_keyboard() -> None:
    table = render(
        '{% table_region "Usage" fold=True %}<tbody><tr><td>{{ x }}</td></tr></tbody>{% endtable_region %}', x="<b>"
    )
    assert 'tabindex="0"' in table
    assert '<table class="table table--fold"><caption class="visually-hidden">Usage</caption><tbody>' in table
    assert "<td>&lt;b&gt;</td>" in table


def test_parts_carry_no_inline_styles() -> None:
    parts = render(
        '{% share_bar 40 %}{% balance_bar 10 5 1 %}{% state_badge "failed" %}{% note "error" text="x" %}{% icon "check" %}'
    )
    assert "style=" not in parts
    assert "onclick" not in parts
