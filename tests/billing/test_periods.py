from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing.periods import month_from


@pytest.mark.parametrize(
    ("first_day", "end"),
    [
        (date(2026, 11, 21), date(2026, 12, 21)),
        (date(2026, 12, 5), date(2027, 1, 5)),
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2027, 2, 28), date(2027, 3, 28)),
    ],
)
def test_a_month_ends_on_the_same_day_of_the_next_or_on_its_last(first_day, end):
    period = month_from(first_day, ZoneInfo("Europe/Berlin"))
    assert (period.starts_at.date(), period.ends_at.date()) == (first_day, end)


def test_days_begin_at_midnight_of_the_companys_zone():
    period = month_from(date(2026, 11, 21), ZoneInfo("Asia/Tokyo"))
    assert period.starts_at == datetime(2026, 11, 20, 15, tzinfo=UTC)


def test_a_month_in_which_clocks_change_is_an_hour_longer_or_shorter():
    period = month_from(date(2026, 3, 10), ZoneInfo("Europe/Berlin"))
    assert period.ends_at.astimezone(UTC) - period.starts_at.astimezone(UTC) == timedelta(days=31, hours=-1)
